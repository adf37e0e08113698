import { accessSync, constants, createReadStream } from "node:fs";
import path from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { systemCode } from "../../errors.ts";
import { exec } from "../../kubernetes/terminal.ts";
import type { Deps } from "../deps.ts";
import { openOutput } from "../output/file.ts";
import { isWorkflowDirectory } from "../workflow/directory.ts";

type Take = (position: number, chunk: Buffer) => Promise<void>;

/** Reads a job's files from where they can be seen. */
export interface StreamFiles {
  /**
   * A file's bytes from an offset on, as they are now.
   * @param file relative to the workflow directory
   * @param take gets each piece and where it stands in the file
   * @returns whether the file is there
   */
  read(file: string, offset: number, take: Take): Promise<boolean>;
}

/** Whether the files of a workflow can be read on this host. */
export function areAtHand(directory: string, files: readonly string[]): boolean {
  return isWorkflowDirectory(directory) && files.every((file) => isReadable(path.join(directory, file)));
}

/** A file that is not there yet counts: it is looked for where it will be. */
function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch (error) {
    return systemCode(error) === "ENOENT";
  }
}

/**
 * The files of a workflow directory on this host; opened anew each time, so that a network file system shows
 * what is new.
 */
export function localFiles(directory: string): StreamFiles {
  return {
    async read(file, offset, take) {
      const opened = openOutput(directory, file);
      if (opened === undefined) return false;
      // A file that has become shorter was begun anew.
      const start = opened.size < offset ? 0 : offset;
      const stream = createReadStream("", { fd: opened.fd, start });
      try {
        await hand(stream, start, take);
        return true;
      } finally {
        stream.destroy();
      }
    },
  };
}

/**
 * Exit code by which the container says that there is no such file; a pipe in its place would be waited for.
 */
const MISSING = 44;
const READ = `[ -f "$1" ] || exit ${MISSING}; exec tail -c "+$2" "$1"`;

/** The files as a container sees them, whose working directory is the workflow's. */
export function containerFiles(deps: Deps, namespace: string, pod: string, container: string): StreamFiles {
  return {
    async read(file, offset, take) {
      const stdout = new PassThrough();
      const stderr = new PassThrough().resume();
      const command = ["sh", "-c", READ, "read", file, String(offset + 1)];
      const ran = exec(
        deps.client,
        { namespace, pod, container, command, stdout, stderr },
        deps.signal,
      ).finally(() => stdout.end());
      // Awaited below; until then the stream is read.
      ran.catch(() => undefined);
      await hand(stdout, offset, take);
      return (await ran) !== MISSING;
    },
  };
}

async function hand(stream: Readable, start: number, take: Take): Promise<void> {
  let position = start;
  for await (const chunk of stream) {
    await take(position, chunk as Buffer);
    position += (chunk as Buffer).length;
  }
}
