import { keptNoMore } from "../../core/lifecycle/marks.ts";
import type { V1Job } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { remove } from "../../kubernetes/objects.ts";
import { jobsPath, podsPath } from "../../kubernetes/paths.ts";
import type { StoredJob } from "../../store/records.ts";
import { hasOutput } from "../output/own.ts";
import { withStreams } from "../submit/attemptFiles.ts";
import { Tenancy } from "../workflow/owner.ts";
import { keepOutput } from "./ends.ts";
import { isThere } from "./look.ts";
import type { Run, Task } from "./run.ts";

/** Tells other state files, before a Job is removed, whose jobs are killed. */
export async function noteKills({ deps, workflow }: Run, tasks: readonly Task<"noteKill">[]): Promise<void> {
  const [kills, revived] = [false, true].map((isUndone) =>
    tasks.filter(({ effect }) => effect.isUndone === isUndone).map(({ job }) => job.id),
  ) as [string[], string[]];
  await new Tenancy(deps, workflow).noteKills(kills, revived);
}

/** Removes Jobs; one that can't be removed now keeps no other from its end. */
export async function removeJobs(run: Run, tasks: readonly Task<"removeJob">[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    tasks.map(({ job }) => removeJob(run.deps.client, job, run.seen(job).kubeJob)),
  );
  for (const [index, outcome] of outcomes.entries())
    if (outcome.status === "rejected") run.stop((tasks[index] as Task).job, outcome.reason);
}

/** Has the very Job that was seen removed, with its pod. */
async function removeJob(
  client: KubernetesClient,
  job: StoredJob,
  kubeJob: V1Job | undefined,
): Promise<void> {
  if (kubeJob !== undefined)
    await remove(client, jobsPath(job.namespace, job.kubeName), kubeJob.metadata?.uid);
}

/** Reads the outputs of killed jobs, unless those of a later attempt stand in their place. */
export async function keepOutputs(run: Run, tasks: readonly Task<"keepOutput">[]): Promise<void> {
  const { deps, workflow, seen } = run;
  for (const task of tasks) {
    const job = run.row(task.job);
    if (job === undefined) continue;
    const { superseded } = withStreams(deps, workflow, job, (one) => isThere(seen(one)));
    if (superseded === undefined && hasOutput(job)) await keepOutput(deps, job);
  }
}

/**
 * Removes what others keep alive of attempts that have ended: their pods take up room and quota, and their
 * scripts might be started again. What can't be removed now is tried again at the next look.
 */
export async function removeKept(run: Run, tasks: readonly Task<"removeKept">[]): Promise<void> {
  const { client, store, warn } = run.deps;
  const removed = tasks.map(async ({ job, effect }) => {
    const { kubeJob, pod } = run.seen(job);
    try {
      if (effect.what === "pod" && pod !== undefined)
        await remove(client, podsPath(job.namespace, pod.metadata?.name ?? ""), pod.metadata?.uid);
      else await removeJob(client, job, kubeJob);
      store.changes.write({ key: job.key, stage: effect.stage }, keptNoMore(effect.stage));
    } catch (error) {
      if (!(error instanceof GaswError) || error.code === "INTERRUPTED") throw error;
      warn(
        `job ${job.id} has ended, but its Job, which other containers keep running, could not be removed: ${error.message}`,
      );
    }
  });
  await Promise.all(removed);
}
