import type { StoredJob } from "../store/records.ts";
import type { JobRecord } from "../ui/jobs.ts";

/** A job of the state as it is printed: under the id that names its invocation, whichever attempt it is. */
export function jobRecord(job: StoredJob): JobRecord {
  const {
    workflow,
    namespace,
    directory,
    reason,
    message,
    exitCode,
    pod,
    node,
    created,
    submitted,
    started,
    ended,
    observed,
  } = job;
  return {
    id: job.fileName,
    attemptId: job.id,
    attempt: job.attempt,
    invocationId: job.invocationId,
    workflow,
    namespace,
    directory,
    kubernetesName: job.kubeName,
    status: job.status,
    daoStatus: null,
    reason,
    message,
    exitCode,
    pod,
    node,
    created,
    submitted,
    started,
    ended,
    observed,
  };
}
