import { decide } from "../../core/lifecycle/decide.ts";
import type { Decision } from "../../core/lifecycle/decision.ts";
import { UNKNOWN } from "../../core/lifecycle/marks.ts";
import { jobIdOf, observe, podsByJob } from "../../core/lifecycle/observe.ts";
import { KEYS, workflowHash } from "../../core/names.ts";
import { isoTime, type V1Job } from "../../core/wire.ts";
import { listJobs } from "../../kubernetes/jobs.ts";
import { listPods } from "../../kubernetes/objects.ts";
import type { Deps } from "../deps.ts";

/** What the cluster's own labels tell of a workflow that this host's state does not know: read-only. */
export interface ForeignJob {
  readonly id: string;
  /** The script's base name. */
  readonly fileName: string;
  readonly kubeName: string;
  /** Directory of the workflow that it was submitted in. */
  readonly directory: string | undefined;
  /** RFC 3339. */
  readonly created: string | undefined;
  readonly decision: Decision;
  readonly kubeJob: V1Job;
}

/** The jobs of a workflow as the cluster shows them, for a host that did not submit them. */
export async function observeForeign(
  { client, now, config }: Deps,
  namespace: string,
  workflowId: string,
): Promise<ForeignJob[]> {
  const hash = workflowHash(namespace, workflowId);
  const [jobs, pods] = await Promise.all([
    listJobs(client, namespace, hash),
    listPods(client, namespace, hash),
  ]);
  const podByJob = podsByJob(pods);
  return jobs.map((job: V1Job) => {
    const kubeName = job.metadata?.name ?? "";
    const decision = decide(UNKNOWN, observe(job, podByJob.get(kubeName)), {}, now(), config);
    const id = jobIdOf(job) ?? kubeName;
    const { [KEYS.fileName]: fileName = id, [KEYS.directory]: directory } = job.metadata?.annotations ?? {};
    return {
      id,
      fileName,
      kubeName,
      directory,
      created: isoTime(job.metadata?.creationTimestamp),
      decision,
      kubeJob: job,
    };
  });
}
