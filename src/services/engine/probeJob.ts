import path from "node:path";
import { hasEnded, type JobOptions, type Workflow } from "../../core/job.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import { type Diagnosis, diagnose } from "../debug/diagnose.ts";
import { findTarget } from "../debug/target.ts";
import type { Deps } from "../deps.ts";
import { checkSubmissions } from "../submit/checks.ts";
import { Submitter } from "../submit/submitter.ts";
import { follow } from "../sync/follow.ts";

/** Seconds that the job may take. */
const TIMEOUT_S = 300;
/** Seconds between two looks at why it does not run. */
const LOOK_S = 10;
/** Waits that end by themselves now and then, and are given up when the next look still meets them. */
const HOPELESS = new Set(["volume-mount", "sandbox", "config-error"]);

/** How the probe job is run. */
export interface ProbeJobOptions {
  /** What it is submitted with, as with `submit`. */
  readonly request?: JobOptions;
  /** Seconds to wait for its end. */
  readonly timeout?: number | undefined;
  /** Told what is waited for, in words. */
  readonly onWait?: (text: string) => void;
}

/** Why the job did not come to its end, as `debug why` says it. */
export interface ProbeTrouble extends Diagnosis {
  /** Whether it was only not waited for any longer. */
  readonly isLate: boolean;
}

/** The job, and what has kept it from its end. */
export interface ProbedJob {
  readonly job: StoredJob;
  readonly trouble?: ProbeTrouble;
}

/**
 * Submits a script of the workflow's, and follows its job to its end, or until it is late.
 * @throws GaswError whatever a submission is refused for
 */
export async function runProbeJob(
  deps: Deps,
  workflow: Workflow,
  jobId: string,
  { request = {}, timeout = TIMEOUT_S, onWait = () => undefined }: ProbeJobOptions,
): Promise<ProbedJob> {
  const script = path.join(workflow.directory, "sh", `${jobId}.sh`);
  const [checked] = checkSubmissions(
    deps.config,
    workflow,
    [{ script, options: request }],
    workflow.directory,
  );
  if (checked === undefined) throw new Error("a checked submission is missing");
  const submitter = new Submitter(deps, workflow, true, (text) => text !== undefined && onWait(text));
  await submitter.confirmPlace();
  await submitter.submit(checked, submitter.intend(checked));
  const ended = await untilEnd(deps, submitter.workflow, jobId, timeout, onWait);
  const job = jobOf(deps, submitter.workflow, jobId);
  if (job.status === "COMPLETED") return { job };
  const why = await diagnosisOf(deps, workflow, jobId);
  return { job, trouble: { ...why, isLate: ended === "late" } };
}

async function untilEnd(
  deps: Deps,
  workflow: StoredWorkflow,
  jobId: string,
  timeout: number,
  onWait: (text: string) => void,
): Promise<"ended" | "given up" | "late"> {
  let looked = performance.now();
  let before: string | undefined;
  try {
    for await (const _ of follow(deps, [workflow], timeout)) {
      const { status, reason } = jobOf(deps, workflow, jobId);
      if (hasEnded(status)) return "ended";
      onWait(`waiting for the probe job: ${status}${reason === null ? "" : ` (${reason})`}`);
      if (performance.now() - looked < LOOK_S * 1000) continue;
      looked = performance.now();
      const { cause } = await diagnosisOf(deps, workflow, jobId);
      if (cause === before && HOPELESS.has(cause)) return "given up";
      before = cause;
    }
  } catch (error) {
    if (!(error instanceof GaswError) || error.code !== "TIMEOUT") throw error;
  }
  return "late";
}

function jobOf({ store }: Deps, workflow: StoredWorkflow, jobId: string): StoredJob {
  return store.jobs.find(workflow, jobId) as StoredJob;
}

async function diagnosisOf(deps: Deps, { directory }: Workflow, jobId: string): Promise<Diagnosis> {
  return await diagnose(deps, await findTarget(deps, jobId, { workflow: directory, cwd: directory }));
}
