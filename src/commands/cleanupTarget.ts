import path from "node:path";
import { similarNames } from "../config/text/nearest.ts";
import type { Context } from "../context.ts";
import { isBelow, realPath } from "../directory.ts";
import { GaswError, systemCode } from "../errors.ts";
import { look, reasonOf } from "../services/workflow/directory.ts";
import { workflowAround } from "../services/workflow/known.ts";
import { resolve } from "../services/workflow/resolve.ts";
import type { StoredWorkflow } from "../store/records.ts";

/** Names that a hint lists at most. */
const MOST_NAMES = 3;

/** What a clean-up is about. */
export interface CleanedWorkflow {
  readonly directory: string;
  /** As this host's state knows it. */
  readonly workflow: StoredWorkflow | undefined;
}

/**
 * The workflow that is named, or the one around the current folder. That may have been emptied, or may be
 * gone, where this host's state knows it.
 * @throws GaswError USAGE where there is none; CONFIG where its own directory would configure the command
 */
export function cleanedWorkflow(
  context: Context,
  options: { readonly workflow?: string; readonly config?: string },
): CleanedWorkflow {
  const { cwd, env } = context.io;
  const { directory, workflow } = resolve(context, { cwd, workflow: options.workflow });
  if (directory !== undefined) return { directory, workflow };
  const known = workflowAround(context, cwd);
  if (known === undefined) {
    throw new GaswError("USAGE", "no workflow given, and the current directory is not a workflow directory", {
      hint: "add --workflow DIR",
    });
  }
  // It was not known for a workflow directory when the configuration was looked for.
  const isNamed = options.config !== undefined || (env.GASW_K8S_CONFIG ?? "") !== "";
  const own = isNamed ? undefined : context.loaded.files.find((file) => isWithin(file, known.directory));
  if (own === undefined) return { directory: known.directory, workflow: known };
  throw new GaswError("CONFIG", `${own} is in a workflow directory, where jobs can write`, {
    hint: `name the workflow (--workflow ${known.directory}), or the configuration if you trust it (--config ${own})`,
  });
}

function isWithin(file: string, directory: string): boolean {
  return [file, realPath(file)].some((one) => isBelow(one, directory) || isBelow(one, realPath(directory)));
}

/**
 * Makes sure that a directory of which neither the cluster nor this host's state has anything is a workflow's:
 * it may be misspelt.
 * @throws GaswError NOT_FOUND; USAGE where it cannot be read
 */
export function confirmDirectory({ config, store }: Context, directory: string): void {
  const scripts = look(path.join(directory, "sh"));
  if (!(scripts instanceof Error) && scripts.isDirectory()) return;
  if (scripts instanceof Error && !["ENOENT", "ENOTDIR"].includes(systemCode(scripts) ?? "")) {
    throw new GaswError("USAGE", `the workflow directory ${directory} ${reasonOf(scripts)}`, {
      hint: "run the command as a user who can read it, or check --workflow",
      cause: scripts,
    });
  }
  const known = store.workflows.all();
  const alike = similarNames(
    path.basename(directory),
    known.map(({ id }) => id),
  )
    .flatMap((name) => known.filter(({ id }) => id === name))
    .slice(0, MOST_NAMES)
    .map((one) => `${one.directory}${one.namespace === config.k8sNamespace ? "" : ` (-n ${one.namespace})`}`);
  throw new GaswError(
    "NOT_FOUND",
    `${directory} is not a workflow directory, and neither the cluster (namespace ${config.k8sNamespace}) nor this host's state has anything of a workflow ${path.basename(directory)}`,
    {
      hint:
        alike.length === 0
          ? "check --workflow and --namespace; `gasw-k8s cleanup --orphaned` lists all workflows in the cluster"
          : `did you mean ${alike.join(" or ")}?`,
    },
  );
}
