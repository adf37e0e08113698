import { statSync } from "node:fs";
import path from "node:path";
import { jobFiles } from "../../core/gasw/files.ts";
import { systemCode } from "../../errors.ts";

/** A job whose output may be looked at. */
export interface WrittenJob {
  readonly fileName: string;
  readonly directory: string;
  /**
   * Whether the streams that an earlier run had left were moved aside before it was submitted, so that what
   * is there is its own; undefined where this host did not submit it.
   */
  readonly prepared?: boolean | undefined;
  /**
   * Its number, where a later attempt was made since whose streams stand in the place of its own: those were
   * moved aside.
   */
  readonly superseded?: number | undefined;
  /**
   * When the cluster accepted it: what an older version has submitted is not prepared, but its container
   * writes the streams anew.
   */
  readonly submitted?: string | null | undefined;
}

/**
 * Whether the job's output is there, and is not what an earlier run left. No two machines' clocks are
 * compared for that.
 */
export function hasOutput({ fileName, directory, superseded, prepared, submitted }: WrittenJob): boolean {
  if (prepared === false && (submitted ?? null) === null) return false;
  try {
    statSync(path.join(directory, jobFiles(fileName, superseded).out));
    return true;
  } catch (error) {
    // Something else in its place, or a file server that does not answer: there is nothing to read.
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}
