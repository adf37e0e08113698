import { statSync } from "node:fs";
import path from "node:path";
import type { Facts } from "../../core/orphans/facts.ts";
import type { WorkflowObjects } from "../../core/orphans/group.ts";
import type { Evidence } from "../../core/orphans/verdict.ts";
import { isSameDirectory } from "../../directory.ts";
import { systemCode } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import type { Survey } from "./survey.ts";

/** A workflow as this host's state has it, if that is the very one. */
export function knownHere(
  { store }: Deps,
  { namespace, id }: WorkflowObjects,
  directory?: string,
): StoredWorkflow | undefined {
  const known = namespace === undefined ? undefined : store.workflows.find(namespace, id);
  return known !== undefined && (directory === undefined || isSameDirectory(known.directory, directory))
    ? known
    : undefined;
}

/** What is known of a workflow beside what the cluster shows. */
export function evidenceOf(
  deps: Deps,
  workflow: WorkflowObjects,
  { directory }: Facts,
  found: Survey,
): Evidence {
  const known = knownHere(deps, workflow, directory);
  return {
    unseen: found.unseen(workflow.namespace),
    namespace: found.namespaceOf(workflow),
    here: known && {
      isMonitored: deps.store.holds.isMonitored(known),
      active: deps.store.jobs.active(known).length,
    },
    directory: directory === undefined ? "unknown" : directoryHere(directory),
  };
}

/** A directory is gone where the folder that it was in is here, and it is not. */
function directoryHere(directory: string): Evidence["directory"] {
  const state = stateOf(directory);
  if (state !== "gone") return state;
  return stateOf(path.dirname(directory)) === "there" ? "gone" : "unknown";
}

function stateOf(directory: string): Evidence["directory"] {
  try {
    return statSync(directory).isDirectory() ? "there" : "gone";
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? "gone" : "unknown";
  }
}
