import path from "node:path";
import type { Context } from "../context.ts";
import { attemptOf } from "../core/job.ts";
import { isSameDirectory } from "../directory.ts";
import { GaswError } from "../errors.ts";
import { type ForeignJob, observeForeign } from "../services/sync/foreign.ts";
import type { JobRecord } from "../ui/jobs.ts";

/**
 * The jobs of a workflow that another host or state file has submitted, as the cluster's labels tell of them;
 * nothing is written.
 * @throws GaswError CONFLICT, NOT_FOUND, CLUSTER
 */
export async function recordsElsewhere(
  context: Context,
  directory: string,
  names: readonly string[],
  withHistory: boolean,
): Promise<JobRecord[]> {
  const namespace = context.config.k8sNamespace;
  const workflow = path.basename(directory);
  const isCalled = (name: string) => (job: ForeignJob) =>
    name === job.id || name === job.fileName || name === job.kubeName;
  const found = await observeForeign(context, namespace, workflow);
  const stray = found.find(
    (job) => job.directory !== undefined && !isSameDirectory(job.directory, directory),
  );
  if (stray !== undefined) {
    throw new GaswError(
      "CONFLICT",
      `workflow ${workflow} in namespace ${namespace} belongs to ${stray.directory}`,
      {
        hint: "use that directory, or another --namespace: a workflow's id is its directory's base name",
      },
    );
  }
  const jobs = names.length === 0 ? found : found.filter((job) => names.some((name) => isCalled(name)(job)));
  const missing = names.find((name) => !jobs.some(isCalled(name)));
  if (jobs.length === 0 || missing !== undefined) {
    const what = missing === undefined ? "no jobs" : `no job ${missing}`;
    const where = "either in this host's state or in the cluster";
    throw new GaswError("NOT_FOUND", `workflow ${workflow} in namespace ${namespace} has ${what}, ${where}`, {
      hint: "submit a job of the workflow first, or set another --workflow or --namespace",
    });
  }
  context.warn(
    `workflow ${workflow} was submitted from another host or state file: showing the cluster's state, read-only`,
  );
  return jobs.map((job) => recordOf(job, { workflow, namespace, directory }, context.now(), withHistory));
}

function recordOf(
  { id, fileName, kubeName, created, decision }: ForeignJob,
  place: Pick<JobRecord, "workflow" | "namespace" | "directory">,
  now: Date,
  withHistory: boolean,
): JobRecord {
  return {
    id: fileName,
    attemptId: id,
    attempt: attemptOf(fileName, id) ?? 0,
    invocationId: null,
    ...place,
    kubernetesName: kubeName,
    status: decision.status,
    daoStatus: null,
    reason: decision.reason ?? null,
    message: decision.message ?? null,
    exitCode: decision.exitCode ?? null,
    pod: decision.pod ?? null,
    node: decision.node ?? null,
    created: created ?? null,
    submitted: created ?? null,
    started: decision.startedAt ?? null,
    ended: decision.finishedAt ?? null,
    observed: now.toISOString(),
    // The state file that has submitted it keeps it.
    ...(withHistory ? { history: [] } : {}),
  };
}
