import { randomBytes } from "node:crypto";
import path from "node:path";
import { generatedFiles, jobFiles } from "../../core/gasw/files.ts";
import { readReport } from "../../core/image/probeReport.ts";
import { probeScript } from "../../core/image/probeScript.ts";
import { hasEnded, type JobOptions, type Workflow } from "../../core/job.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob } from "../../store/records.ts";
import { diagnose } from "../debug/diagnose.ts";
import { findTarget } from "../debug/target.ts";
import type { Deps } from "../deps.ts";
import { readEnd } from "../output/file.ts";
import { checkSubmissions } from "../submit/checks.ts";
import type { Finding } from "../submit/finding.ts";
import { Submitter } from "../submit/submitter.ts";
import { follow } from "../sync/follow.ts";
import { targetDirectory } from "../workflow/known.ts";
import { foundIn, probeTrouble, unseenReport } from "./probeFindings.ts";
import { inProbeWorkflow, writeIn } from "./probeWorkflow.ts";

/** Seconds that the probe job may take. */
const PROBE_TIMEOUT_S = 300;

/** Bytes at the end of the job's output that hold its report. */
const REPORT_BYTES = 64 * 1024;

/** How the cluster is probed. */
export interface ProbeOptions {
  /** Folder that holds the workflow directories. */
  readonly location: string;
  /** What the job is submitted with, as with `submit`. */
  readonly request?: JobOptions;
  /** Seconds to wait for its end. */
  readonly timeout?: number | undefined;
  /** Told what is waited for, in words. */
  readonly onWait?: (text: string) => void;
}

/** The folder that holds the workflow directories: around the workflow that this is run in, where none is configured. */
export function workflowsLocation({ workflowsLocation }: Deps["config"], cwd: string): string {
  const around = targetDirectory(undefined, cwd);
  return workflowsLocation ?? (around === undefined ? cwd : path.dirname(around));
}

/**
 * Runs one job as GASW's jobs are run, in a workflow of its own, which looks for what GASW's scripts need, and removes
 * everything again. No database learns of it.
 * @returns what was found, the first problem first to be solved
 * @throws GaswError INTERRUPTED; USAGE
 */
export async function probe(deps: Deps, options: ProbeOptions): Promise<Finding[]> {
  try {
    return await inProbeWorkflow(deps, options.location, (own, workflow) => probeIn(own, workflow, options));
  } catch (error) {
    if (deps.signal.aborted) throw interrupted();
    if (!(error instanceof GaswError) || error.code === "USAGE") throw error;
    return [{ check: "job", subject: "the probe job", problem: error }];
  }
}

async function probeIn(deps: Deps, workflow: Workflow, options: ProbeOptions): Promise<Finding[]> {
  const jobId = `Probe-${Date.now()}`;
  const nonce = `{"probe":"${randomBytes(16).toString("hex")}"}`;
  for (const name of generatedFiles(jobId)) writeIn(workflow, name, `${nonce}\n`);
  const script = writeIn(workflow, `sh/${jobId}.sh`, probeScript(jobId));
  const { job, isLate } = await runJob(deps, workflow, script, options);
  if (job.status !== "COMPLETED") return [await troubleOf(deps, workflow, job, isLate)];
  const { out } = jobFiles(jobId);
  const lines = readEnd(workflow.directory, out, REPORT_BYTES)?.lines.toString().split("\n") ?? [];
  const report = readReport(lines);
  if (!report.isWhole || report.values.nonce !== nonce) return [unseenReport(workflow.directory)];
  return foundIn(report, { image: job.image ?? "", node: job.node, directory: workflow.directory });
}

/** Submits a script and follows its job to its end, or until it is late. */
async function runJob(
  deps: Deps,
  workflow: Workflow,
  script: string,
  { request = {}, timeout = PROBE_TIMEOUT_S, onWait = () => undefined }: ProbeOptions,
): Promise<{ job: StoredJob; isLate: boolean }> {
  const submissions = [{ script, options: request }];
  const [checked] = checkSubmissions(deps.config, workflow, submissions, workflow.directory);
  if (checked === undefined) throw new Error("a checked submission is missing");
  const submitter = new Submitter(deps, workflow, true, (text) => text !== undefined && onWait(text));
  await submitter.confirmPlace();
  const intent = submitter.intend(checked);
  await submitter.submit(checked, intent);
  const current = () => deps.store.jobs.find(submitter.workflow, intent.job.id) ?? intent.job;
  try {
    for await (const _ of follow(deps, [submitter.workflow], timeout)) {
      const job = current();
      if (hasEnded(job.status)) break;
      onWait(`waiting for the probe job: ${job.status}${job.reason === null ? "" : ` (${job.reason})`}`);
    }
    return { job: current(), isLate: false };
  } catch (error) {
    if (!(error instanceof GaswError) || error.code !== "TIMEOUT") throw error;
    return { job: current(), isLate: true };
  }
}

/** Why the job did not come to its end, as `debug why` says it. */
async function troubleOf(
  deps: Deps,
  workflow: Workflow,
  { id }: StoredJob,
  isLate: boolean,
): Promise<Finding> {
  const { directory } = workflow;
  const diagnosis = await diagnose(deps, await findTarget(deps, id, { workflow: directory, cwd: directory }));
  return probeTrouble(id, diagnosis, isLate);
}

function interrupted(): GaswError {
  return new GaswError("INTERRUPTED", "interrupted: the probe job was removed", {
    hint: "run `gasw-k8s engine probe` again to try what a job's image and pod have",
  });
}
