import { randomBytes } from "node:crypto";
import path from "node:path";
import { generatedFiles, jobFiles } from "../../core/gasw/files.ts";
import { boshFolder, configurationLine } from "../../core/gasw/jobConfiguration.ts";
import type { Properties } from "../../core/gasw/properties.ts";
import { readReport } from "../../core/image/probeReport.ts";
import { probeScript } from "../../core/image/probeScript.ts";
import type { Workflow } from "../../core/job.ts";
import { GaswError } from "../../errors.ts";
import type { Deps } from "../deps.ts";
import { readEnd } from "../output/file.ts";
import type { Finding } from "../submit/finding.ts";
import { targetDirectory } from "../workflow/known.ts";
import { foundIn, probeTrouble, unseenReport } from "./probeFindings.ts";
import { type ProbeJobOptions, runProbeJob } from "./probeJob.ts";
import { inProbeWorkflow, writeIn } from "./probeWorkflow.ts";

/** Bytes at the end of the job's output that hold its report. */
const REPORT_BYTES = 64 * 1024;

/** How the cluster is probed. */
export interface ProbeOptions extends ProbeJobOptions {
  /** Folder that holds the workflow directories. */
  readonly location: string;
  /** GASW's settings, where they are known. */
  readonly settings?: Properties | undefined;
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
  const [configuration, invocation] = generatedFiles(jobId);
  writeIn(workflow, configuration, configurationLine("boshCVMFSPath", boshFolder(options.settings)));
  writeIn(workflow, invocation, `${nonce}\n`);
  writeIn(workflow, `sh/${jobId}.sh`, probeScript(jobId));
  const { job, trouble } = await runProbeJob(deps, workflow, jobId, options);
  if (trouble !== undefined) return [probeTrouble(jobId, trouble)];
  const { out } = jobFiles(jobId);
  const lines = readEnd(workflow.directory, out, REPORT_BYTES)?.lines.toString().split("\n") ?? [];
  const report = readReport(lines);
  if (!report.isWhole || report.values.nonce !== nonce) return [unseenReport(workflow.directory)];
  return foundIn(report, { image: job.image ?? "", node: job.node, directory: workflow.directory });
}

function interrupted(): GaswError {
  return new GaswError("INTERRUPTED", "interrupted: the probe job was removed", {
    hint: "run `gasw-k8s engine probe` again to try what a job's image and pod have",
  });
}
