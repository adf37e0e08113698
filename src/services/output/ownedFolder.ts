import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmdirSync,
} from "node:fs";
import type { RunAs } from "../../core/job.ts";
import { GaswError, systemCode } from "../../errors.ts";

/**
 * Makes a folder where it is missing; it is its owner's from the first moment on, since other processes may
 * look at it.
 * @throws GaswError CONFIG
 */
export function makeOwnedFolder(folder: string, owner: RunAs): void {
  if (existsSync(folder)) return;
  try {
    const made = mkdtempSync(`${folder}.`);
    giveTo(made, owner);
    moveInto(made, folder);
  } catch (cause) {
    if (cause instanceof GaswError) throw cause;
    throw new GaswError("CONFIG", `the folder ${folder} cannot be created (${systemCode(cause)})`, {
      hint: "create it, writable for the jobs' user: jobs write there",
      cause,
    });
  }
}

/**
 * Gives a new folder to its owner: that very folder, since a job may have put a link, or a folder of its own,
 * in its place.
 */
function giveTo(made: string, owner: RunAs): void {
  const fd = openSync(made, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).uid !== process.geteuid?.())
      throw new GaswError(
        "CONFIG",
        `directory ${made} was replaced by another user while it was being created`,
        { hint: "submit again" },
      );
    fchmodSync(fd, 0o755);
    if (process.getuid?.() === 0) fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
}

/** Gives a new folder its name, unless another process was faster. */
function moveInto(made: string, folder: string): void {
  try {
    renameSync(made, folder);
  } catch (error) {
    rmdirSync(made);
    if (!existsSync(folder)) throw error;
  }
}
