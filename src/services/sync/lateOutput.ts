import { statusWithLateOutput } from "../../core/lifecycle/decide.ts";
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
export async function takeLateOutputs(deps: Deps, workflow: StoredWorkflow): Promise<void> {
  const late = deps.store.lateJobs(workflow);
  if (late.length === 0) return;
  const traces = new Traces(deps, workflow);
  for (const job of late) {
    // Once a later attempt was made ready, what stands there is that one's.
    if (standingAttempt(deps.store.attempts(workflow, job.fileName)) !== job.attempt) continue;
    if (hasOutput(job) && traces.lateOf(job) === undefined) await takeLateOutput(deps, job);
  }
}

async function takeLateOutput(deps: Deps, job: StoredJob): Promise<void> {
  const output = await parseOutputOf(deps, job);
  const { exitCode = job.exitCode } = output;
  const status = statusWithLateOutput(job, output.exitCode);
  const message = `its output arrived after it was told as ${job.status}${output.exitCode === undefined ? "" : `; it says ${output.exitCode}`}`;
  const change = {
    outputLate: false,
    output: storeOutput(output),
    exitCode,
    message,
    ...(status === job.status ? {} : { status, reason: status === "COMPLETED" ? "Completed" : "Error" }),
  };
  // An invocation that was told of already is not told again: the store tells each once.
  const [isWritten] = deps.store.applyUpdates(
    [{ job, change, announce: status === "COMPLETED" }],
    deps.now(),
  );
  if (isWritten) deps.warn(`job ${job.id}: ${message}${status === job.status ? "" : `, so it is ${status}`}`);
}
