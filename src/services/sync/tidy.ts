import { isSettled } from "../../core/lifecycle/stage.ts";
import { systemCode } from "../../errors.ts";
import { leftovers, removeLeftover } from "../output/toolFolder.ts";
import type { Run } from "./run.ts";

/**
 * Removes from the tool's folder what is left of attempts that are settled, and of which nothing runs any
 * more: of those, too, whose pods were still there when they were settled.
 */
export async function clearRunFolders({ deps: { store, warn }, workflow, seen }: Run): Promise<void> {
  const failures: string[] = [];
  for (const leftover of leftovers(workflow.directory)) {
    const [job] = store.jobs.lookUp(leftover.attempt, false, workflow);
    if (job?.kubeName !== leftover.attempt || !isSettled(job.stage) || seen(job).isAlive) continue;
    try {
      removeLeftover(workflow.directory, leftover, job.fileName);
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined) throw error;
      failures.push(`${leftover.folder}/${leftover.name} of job ${job.id} (${code})`);
    }
  }
  const [first, ...others] = failures;
  if (first === undefined) return;
  warn(
    `files of finished jobs could not be removed: ${first}${others.length === 0 ? "" : ` and ${others.length} more`}`,
  );
}
