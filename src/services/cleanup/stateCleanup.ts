import { type RetentionTerms, reasonToKeep, type StoredFacts } from "../../core/retention.ts";
import { isSameDirectory } from "../../directory.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { findOldFiles, type OldFiles, type RemovedFiles, removeOldFiles } from "./oldFiles.ts";
import { Remains } from "./remains.ts";

/** A workflow of the state, and whether it may be deleted from there. */
export interface JudgedEntry {
  readonly workflow: StoredWorkflow;
  readonly facts: StoredFacts;
  /** Why it stays; undefined where it may go. */
  readonly keep: string | undefined;
  /** What goes with it in its directory. */
  readonly files: OldFiles;
}

/** What became of a workflow that was to be deleted. */
export interface EntryResult extends RemovedFiles {
  readonly entry: JudgedEntry;
  /** `gone`: another command has deleted it. */
  readonly outcome: "deleted" | "gone" | { readonly left: string };
}

/**
 * Judges which workflows may be deleted from the state: their jobs are over, nobody has to be told of them,
 * they have not changed for a while, and the cluster has nothing of them.
 * @param olderThan that while, in seconds
 */
export async function judgeEntries(
  deps: Deps,
  workflows: readonly StoredWorkflow[],
  olderThan: number,
): Promise<JudgedEntry[]> {
  const remains = new Remains(deps);
  const judged: JudgedEntry[] = [];
  for (const workflow of workflows) {
    const facts = deps.store.retention.factsOf(workflow);
    if (facts === undefined) continue;
    // The cluster is asked about what would go otherwise.
    const keep =
      reasonToKeep(facts, termsOf(deps, workflow, olderThan)) ?? (await remains.reasonToKeep(workflow));
    const goes = keep === undefined && !hasTwin(deps, workflow);
    const files = findOldFiles(workflow.directory, goes ? deps.store.jobs.all(workflow) : []);
    judged.push({ workflow, facts, keep, files });
  }
  return judged;
}

/**
 * Deletes a workflow from the state, if it still may be, then the old files in its directory. In this order:
 * files of a workflow that goes on are never removed.
 */
export function deleteEntry(deps: Deps, entry: JudgedEntry, olderThan: number): EntryResult {
  const { store, host } = deps;
  const { workflow } = entry;
  const nothing = { entry, removed: [], failures: [] };
  const holder = { words: `cleanup --state, process ${process.pid} on ${host}`, isMonitor: false };
  const hold = store.holds.take(workflow, holder);
  if (hold === undefined)
    return { ...nothing, outcome: { left: `${store.holds.holderOf(workflow)} is at work with it` } };
  try {
    const attempts = store.jobs.all(workflow);
    let keep: string | undefined;
    const answer = store.retention.delete(workflow, (facts) => {
      keep = reasonToKeep(facts, termsOf(deps, workflow, olderThan));
      return keep === undefined;
    });
    if (answer === "gone") return { ...nothing, outcome: "gone" };
    if (answer === "kept") return { ...nothing, outcome: { left: keep ?? "it has changed" } };
    const isUnused = () => store.workflows.find(workflow.namespace, workflow.id) === undefined;
    const files = removeOldFiles(workflow.directory, entry.files, attempts, isUnused);
    return { entry, outcome: "deleted", ...files };
  } finally {
    hold.release();
  }
}

/** Whether the state has another workflow in the same directory, whose streams have the same names. */
function hasTwin({ store }: Deps, { key, id, directory }: StoredWorkflow): boolean {
  return store.workflows
    .all()
    .some((other) => other.key !== key && other.id === id && isSameDirectory(other.directory, directory));
}

function termsOf({ store, config, now }: Deps, workflow: StoredWorkflow, olderThan: number): RetentionTerms {
  return {
    olderThan,
    hasDatabase: config.dao.url !== undefined,
    isMonitored: store.holds.isMonitored(workflow),
    now: now(),
  };
}
