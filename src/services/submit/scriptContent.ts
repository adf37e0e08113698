import path from "node:path";
import { onJobs } from "../../core/commandWords.ts";
import type { ScriptContent } from "../../core/job.ts";
import { GaswError, systemCode } from "../../errors.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { type ReadScript, readScript } from "./scripts.ts";
import { scriptWarnings } from "./scriptText.ts";

/** A script is not the one that was submitted. */
export class ScriptChanged extends GaswError {}

/**
 * Refuses what nobody has asked for: that a failure, a signal or a release runs a script that was changed
 * after its submission.
 * @param now the script as it is; what an older version has submitted has nothing that it could be compared
 * with
 * @throws ScriptChanged
 */
export function refuseChangedScript(
  { fileName, directory, script }: StoredJob,
  now: ScriptContent | undefined,
): void {
  if (script === null || now === undefined || script.sha256 === now.sha256) return;
  const file = path.join(directory, scriptOf(fileName));
  // What to do comes first: a table shows the beginning alone.
  const message = `the script has changed since it was submitted: \`${onJobs("retry", [fileName])}\` runs the new version (${file}: ${difference(script, now)})`;
  throw new ScriptChanged("CONFLICT", message, {
    hint: `or restore the script and run \`${onJobs("release", [fileName])}\``,
  });
}

/** What bash will stumble over in the script of a job that a person runs again. */
export function warnOfScript({ warn }: Pick<Deps, "warn">, job: StoredJob): void {
  const file = path.join(job.directory, scriptOf(job.fileName));
  const read = currentScript(file);
  if (read !== undefined) for (const warning of scriptWarnings(file, read.bytes)) warn(warning);
}

/** The script as it is; undefined where it can't be read, which its submission tells. */
export function currentScript(file: string): ReadScript | undefined {
  try {
    return readScript(file);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/** A job's script, relative to its workflow directory. */
export function scriptOf(fileName: string): string {
  return `sh/${fileName}.sh`;
}

function difference(before: ScriptContent, now: ScriptContent): string {
  return `it had ${inWords(before)} when it was submitted, and has ${inWords(now)}`;
}

function inWords({ size, written, sha256 }: ScriptContent): string {
  return `${size} bytes, written ${written}, SHA-256 ${sha256.slice(0, 12)}`;
}
