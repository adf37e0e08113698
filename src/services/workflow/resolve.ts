import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { findJob, isScriptPath } from "./findJob.ts";
import { knownWorkflow, targetDirectory, unknownWorkflow } from "./known.ts";

/** What a command line says of the workflow and the jobs that it is about. */
export interface Named {
  /** Folder that the command was called in. */
  readonly cwd: string;
  /** Directory that `--workflow` names. */
  readonly workflow?: string | undefined;
  /** Jobs, in whatever way they are named. */
  readonly names?: readonly string[];
}

/** What a command line is about. */
export interface Resolved {
  /** The directory that is named, which may be gone, else the one around the current folder. */
  readonly directory: string | undefined;
  /** The workflow of that directory, where this host's state knows it. */
  readonly workflow: StoredWorkflow | undefined;
  /** The directory, where the command is about its workflow, and this host's state does not know that. */
  readonly unknown: string | undefined;
}

/** Finds the workflow that a command line means. */
export function resolve(deps: Deps, { cwd, workflow: named, names = [] }: Named): Resolved {
  const directory = targetDirectory(named, cwd);
  const workflow = directory === undefined ? undefined : knownWorkflow(deps, directory);
  // A script's path names its workflow itself.
  const isAboutScripts = names.length > 0 && names.every((name) => isScriptPath(name, cwd));
  const unknown = workflow === undefined && !isAboutScripts ? directory : undefined;
  return { directory, workflow, unknown };
}

/**
 * Finds the jobs that a command line names.
 * @param prefix whether the beginning of an id will do: what is destroyed or made must be named in full
 * @throws GaswError NOT_FOUND, USAGE (several)
 */
export function resolveJobs(
  deps: Deps,
  named: Named & { readonly names: readonly string[] },
  { prefix }: { readonly prefix: boolean },
): StoredJob[] {
  const { workflow, unknown } = resolve(deps, named);
  if (unknown !== undefined) throw unknownWorkflow(deps, unknown);
  return named.names.map((name) => findJob(deps.store, name, { prefix, workflow, cwd: named.cwd }));
}
