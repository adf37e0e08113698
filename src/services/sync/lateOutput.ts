import { includes } from "../../core/lifecycle/effects.ts";
import { withLateOutput } from "../../core/lifecycle/lateOutput.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { hasOutput } from "../output/own.ts";
import { Traces } from "../output/ownWords.ts";
import { standingAttempt } from "../submit/attemptFiles.ts";
import { parseOutputOf, storeOutput } from "./storedOutput.ts";

/**
 * Puts right what was decided without all of a job's output, where that is there by now; whoever was told of
 * the end is not told again.
 */
export async function takeLateOutputs(
  deps: Deps,
  workflow: StoredWorkflow,
  isMeant: (job: StoredJob) => boolean = () => true,
): Promise<void> {
  const late = deps.store.jobs.late(workflow).filter(isMeant);
  if (late.length === 0) return;
  const traces = new Traces(deps, workflow);
  for (const job of late) {
    // Once a later attempt was made ready, what stands there is that one's.
    if (standingAttempt(deps.store.jobs.attempts(workflow, job.fileName)) !== job.attempt) continue;
    if (hasOutput(job) && traces.lateOf(job) === undefined) await takeLateOutput(deps, job);
  }
}

async function takeLateOutput(deps: Deps, job: StoredJob): Promise<void> {
  const output = await parseOutputOf(deps, job);
  const { change, notes, message } = withLateOutput(job, output.exitCode);
  const update = {
    job,
    change: { ...change, output: storeOutput(output) },
    announce: includes(notes, "announce"),
  };
  const [isWritten] = deps.store.updates.apply([update], deps.now());
  if (!isWritten) return;
  const { status } = change.stage;
  deps.warn(`job ${job.id}: ${message}${status === job.status ? "" : `, so it is ${status}`}`);
}
