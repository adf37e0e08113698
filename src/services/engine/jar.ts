import { readFileSync } from "node:fs";
import { strFromU8, type UnzipFileInfo, unzipSync } from "fflate";
import { systemCode } from "../../errors.ts";

/** A jar's entries are read at most this large. */
const MAX_ENTRY_BYTES = 64 * 1024;

/** What is in a jar. */
export interface Jar {
  has(entry: string): boolean;
  /** The text of a small entry. */
  text(entry: string): string | undefined;
}

/** Reads a jar's table of contents; undefined where there is none, or it is not one. */
export function readJar(file: string): Jar | undefined {
  const bytes = readIfThere(file);
  if (bytes === undefined) return undefined;
  const names = new Set<string>();
  const found = unzipped(bytes, ({ name }) => {
    names.add(name);
    return false;
  });
  if (found === undefined) return undefined;
  return {
    has: (entry) => names.has(entry),
    text: (entry) => {
      const isWanted = ({ name, originalSize }: UnzipFileInfo) =>
        name === entry && originalSize <= MAX_ENTRY_BYTES;
      const content = unzipped(bytes, isWanted)?.[entry];
      return content && strFromU8(content);
    },
  };
}

/** Returns undefined if the bytes are not an archive. */
function unzipped(
  bytes: Buffer,
  filter: (entry: UnzipFileInfo) => boolean,
): ReturnType<typeof unzipSync> | undefined {
  try {
    return unzipSync(bytes, { filter });
  } catch (error) {
    // The library throws its own errors, and others where lengths in the file lead nowhere.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}
