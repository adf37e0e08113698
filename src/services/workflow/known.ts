import path from "node:path";
import { isSameDirectory, realPath } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { isWorkflowDirectory } from "./directory.ts";

/** The workflow directory that a folder is, or is directly within (`out/`, `sh/`, …). */
function enclosingWorkflow(cwd: string): string | undefined {
  return [cwd, path.dirname(cwd), path.dirname(realPath(cwd))].find(isWorkflowDirectory);
}

/**
 * The directory of the workflow that a command is about: the one named, which may be gone already, else the
 * one around the current folder.
 */
export function targetDirectory(named: string | undefined, cwd: string): string | undefined {
  return named === undefined ? enclosingWorkflow(cwd) : path.resolve(cwd, named);
}

/** The workflow of a directory, however that is spelled, where this host's state knows it. */
export function knownWorkflow({ store, config }: Deps, directory: string): StoredWorkflow | undefined {
  return idsOf(directory)
    .map((id) => store.workflows.find(config.k8sNamespace, id))
    .find((found) => found !== undefined && isSameDirectory(found.directory, directory));
}

/** The namespaces in which this host's state knows a workflow of a directory, the oldest first. */
export function namespacesOf({ store }: Pick<Deps, "store">, directory: string): string[] {
  return idsOf(directory)
    .flatMap((id) => store.workflows.named(id))
    .filter((found) => isSameDirectory(found.directory, directory))
    .map(({ namespace }) => namespace);
}

/** A link may have another name than the directory that it leads to. */
function idsOf(directory: string): string[] {
  return [...new Set([directory, realPath(directory)].map((spelled) => path.basename(spelled)))];
}

/**
 * The workflow whose directory a folder is or was, or is directly within, as this host's state knows it: its
 * `sh/` may be gone.
 */
export function workflowAround(deps: Deps, folder: string): StoredWorkflow | undefined {
  return knownWorkflow(deps, folder) ?? knownWorkflow(deps, path.dirname(folder));
}

/** What is said of a workflow that this host's state does not know. */
export function unknownWorkflow({ config }: Pick<Deps, "config">, directory: string): GaswError {
  return new GaswError(
    "NOT_FOUND",
    `workflow ${path.basename(directory)} (${directory}) was not found in namespace ${config.k8sNamespace}`,
    {
      hint: "submit a job of the workflow first, or set another --workflow, --namespace or state file (state.path)",
    },
  );
}

/** The workflows that jobs belong to, each once. */
export function workflowsOf({ store }: Pick<Deps, "store">, jobs: readonly StoredJob[]): StoredWorkflow[] {
  const found = jobs.map((job) => store.workflows.find(job.namespace, job.workflow) as StoredWorkflow);
  return [...new Map(found.map((workflow) => [workflow.key, workflow])).values()];
}
