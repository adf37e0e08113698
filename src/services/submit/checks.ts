import type { JobOptions, JobRequest, RunAs, Workflow } from "../../core/job.ts";
import { effectiveRunAs } from "../../core/manifests/security.ts";
import type { Deps } from "../deps.ts";
import { makeToolFolders } from "../output/toolFolder.ts";
import { ownerOf } from "../workflow/directory.ts";
import { checkAccess, makeStreamFolders } from "./access.ts";
import { podSettings } from "./podSettings.ts";
import { checkScript, jobRequest, readScript } from "./scripts.ts";
import { scriptWarnings } from "./scriptText.ts";

/** A script to submit and the options that the request itself states. */
export interface Submission {
  readonly script: string;
  readonly options: JobOptions;
}

/** A submission that was checked against the file system; nothing was made for it yet. */
export interface CheckedSubmission {
  readonly request: JobRequest;
  readonly owner: RunAs;
  /** What the person who submits it should know about the script. */
  readonly warnings: readonly string[];
}

/**
 * Checks scripts, user and configuration before anything is made in the cluster.
 * @param isDryRun whether the folders of the streams stay unmade, too, where they are missing
 * @throws GaswError USAGE (script), CONFIG (image, user)
 */
export function checkSubmissions(
  config: Deps["config"],
  workflow: Workflow,
  submissions: readonly Submission[],
  cwd: string,
  isDryRun = false,
): CheckedSubmission[] {
  const scripts = submissions.map(({ script }) => checkScript(script, workflow.directory, cwd));
  for (const { options } of submissions) podSettings(config, options);
  const owner = ownerOf(workflow.directory);
  const runAs = effectiveRunAs(config.securityContext, owner);
  const check = () => checkAccess(workflow.directory, scripts, runAs, extraGroups(config.securityContext));
  check();
  if (!isDryRun) {
    makeStreamFolders(workflow.directory, runAs);
    makeToolFolders(workflow.directory, runAs);
    // What was made by somebody who is not root is that user's, not the jobs'.
    check();
  }
  return scripts.map((script, index) => {
    const read = readScript(script.path);
    return {
      request: jobRequest(script, submissions[index]?.options ?? {}, read),
      owner,
      warnings: scriptWarnings(script.path, read.bytes),
    };
  });
}

function extraGroups(securityContext: Readonly<Record<string, unknown>>): number[] {
  const { fsGroup, supplementalGroups } = securityContext;
  return [fsGroup, ...(Array.isArray(supplementalGroups) ? supplementalGroups : [])].filter(
    (group) => typeof group === "number",
  );
}
