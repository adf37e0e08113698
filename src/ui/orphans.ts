import { engineOf } from "../core/inventory/life.ts";
import type { JobCounts } from "../core/orphans/facts.ts";
import type { JudgedWorkflow } from "../core/orphans/verdict.ts";
import { engineText, folderText } from "./inventory.ts";
import { duration } from "./output.ts";
import { table } from "./table.ts";

/** The table of `cleanup --orphaned`. */
export function orphanTable(judged: readonly JudgedWorkflow[]): string {
  const rows = judged.map(({ verdict, workflow, facts, folder, reason }) => [
    verdict,
    workflow.namespace ?? "-",
    workflow.id,
    folderText(folder),
    engineText(facts.engine === undefined ? null : engineOf(facts.engine)),
    jobsText(facts.jobs),
    facts.quiet === undefined ? "-" : duration(facts.quiet * 1000),
    reason,
  ]);
  return table(["VERDICT", "NAMESPACE", "WORKFLOW", "FOLDER", "ENGINE", "JOBS", "QUIET", "REASON"], rows);
}

function jobsText(jobs: JobCounts): string {
  const parts = (["running", "waiting", "completed", "failed"] as const)
    .filter((phase) => jobs[phase] > 0)
    .map((phase) => `${jobs[phase]} ${phase}`);
  return parts.length === 0 ? "-" : parts.join(", ");
}

/** How many objects of each kind there are: `2 Jobs, 1 PersistentVolume`. */
export function countText(objects: readonly { readonly kind: string }[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`);
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
