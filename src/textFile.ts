import { readFileSync } from "node:fs";

/** The byte order marks that editors put before a text (Unicode, 23.8), and what they say of its encoding. */
const MARKS = [
  { mark: [0xef, 0xbb, 0xbf], encoding: "utf-8" },
  { mark: [0xff, 0xfe], encoding: "utf-16le" },
  { mark: [0xfe, 0xff], encoding: "utf-16be" },
] as const;

/** The encoding that a text's byte order mark names; undefined where it has none, and is UTF-8. */
export function markedEncoding(bytes: Uint8Array): (typeof MARKS)[number]["encoding"] | undefined {
  return MARKS.find(({ mark }) => mark.every((byte, index) => bytes[index] === byte))?.encoding;
}

/**
 * A text without its byte order mark: UTF-8, or UTF-16 where the mark says so, as Windows writes it.
 * @throws the file system's error
 */
export function readTextFile(file: string): string {
  const bytes = readFileSync(file);
  // The decoder takes the mark off.
  return new TextDecoder(markedEncoding(bytes)).decode(bytes);
}
