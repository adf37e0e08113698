import { isHeld, type JobOptions } from "../../core/job.ts";
import { isOverFailed, type Signal, type SUBMIT } from "../../core/lifecycle/signal.ts";
import { shellWord } from "../../core/shellWord.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { confirmCluster, firstSight } from "../workflow/cluster.ts";
import { unknownWorkflow } from "../workflow/known.ts";
import { Tenancy } from "../workflow/owner.ts";
import { whileHolding } from "./hold.ts";
import { reconcile } from "./reconcile.ts";
import { refresh } from "./refresh.ts";
import {
  beginRetry,
  confirmContents,
  type NewContents,
  newContents,
  retried,
  submitStated,
} from "./retry.ts";

/** What a user asks for a job; each means the signal that other programs write into the GASW database. */
export type Action = "cancel" | "retry" | "release";

/** Rounds of a `cancel` while other commands change its jobs between its looks and its writes. */
const CANCEL_ROUNDS = 5;

/**
 * Does what a user asks for some jobs of one workflow. Idempotent: where nothing is left to be done, nothing
 * is.
 * @param given with a retry: the options of a submission that are to be different from now on
 * @returns the newest attempts of the jobs' invocations
 * @throws GaswError CONFLICT (a retry of what has completed, or runs with other options), CLUSTER, and what a
 * submission throws
 */
export async function act(
  deps: Deps,
  workflow: StoredWorkflow,
  jobs: readonly StoredJob[],
  action: Action,
  given: JobOptions = {},
): Promise<StoredJob[]> {
  const fileNames = new Set(jobs.map((job) => job.fileName));
  // An end that the cluster, or another command, has brought about meanwhile counts.
  const known = () => jobs.flatMap(({ id }) => deps.store.jobs.find(workflow, id) ?? []);
  await whileHolding(deps, workflow, async (isHolding) => {
    // A cleanup of the state may have had it until now.
    if (!deps.store.workflows.isKnown(workflow)) throw unknownWorkflow(deps, workflow.directory);
    // Before the first word is written down; what runs already shows it itself.
    await confirmPlace(deps, workflow, jobs);
    // What has failed since somebody looked is to run again, too.
    if (action === "retry" && known().some(isUnderWay)) await refresh(deps, workflow);
    const contents = action === "retry" ? await newContents(deps, workflow, known(), given) : new Map();
    if (action === "retry") beginRetry(deps, known(), contents);
    // What is due is started at once, except by the monitor's own hand.
    const scope = { fileNames, leaveDue: !isHolding, by: `gasw-k8s ${action}`, contents };
    for (let round = 1; ; round++) {
      const current = known();
      await reconcile(deps, workflow, signalsFor(deps, workflow, current, action, contents), scope);
      const [left] = action === "cancel" ? current.flatMap((job) => toCancel(deps, workflow, job)) : [];
      if (left === undefined) break;
      if (round === CANCEL_ROUNDS) throw changedEachTime(left);
    }
    await submitStated(deps, workflow, contents);
    confirmContents(deps, workflow, contents);
  });
  return [...fileNames].flatMap((fileName) => deps.store.jobs.attempts(workflow, fileName).slice(-1));
}

/** @throws OtherCluster; NotOwner; GaswError CLUSTER */
async function confirmPlace(deps: Deps, workflow: StoredWorkflow, jobs: readonly StoredJob[]): Promise<void> {
  const tenancy = new Tenancy(deps, workflow);
  const isToBeTaken = deps.store.leases.of(workflow).uid === null;
  if (isToBeTaken || jobs.some(({ status }) => status === "NOT_SUBMITTED"))
    await confirmCluster(deps, workflow, firstSight());
  await tenancy.taken();
}

/** Whether the cluster may have brought about an end that is not known here. */
function isUnderWay({ stage }: StoredJob): boolean {
  return stage.name === "active";
}

function changedEachTime({ id, status }: StoredJob): GaswError {
  return new GaswError(
    "FAILURE",
    `job ${id} was not cancelled: other commands keep changing it; it is now ${status}`,
    {
      hint: "cancel it again; `gasw-k8s status` shows its status",
    },
  );
}

function signalsFor(
  deps: Deps,
  workflow: StoredWorkflow,
  jobs: readonly StoredJob[],
  action: Action,
  contents: NewContents,
): Map<string, string> {
  const signals = new Map<string, string>();
  const ask = ({ id }: StoredJob, signal: Signal | typeof SUBMIT | undefined) => {
    if (signal !== undefined) signals.set(id, signal);
  };
  for (const job of jobs) {
    switch (action) {
      case "cancel":
        for (const one of toCancel(deps, workflow, job)) ask(one, "KILL");
        break;
      case "release":
        refuseOver(deps, workflow, job);
        if (isHeld(job.status)) ask(job, job.status === "ERROR_HELD" ? "UNHOLD_ERROR" : "UNHOLD_STALLED");
        break;
      case "retry":
        ask(job, retried(job, contents));
        break;
    }
  }
  return signals;
}

/** The attempt itself and, where it is the invocation that is meant, those that wait for their turn. */
function toCancel({ store }: Deps, workflow: StoredWorkflow, job: StoredJob): StoredJob[] {
  const isOpen = ({ stage }: StoredJob) => stage.name !== "over";
  return store.jobs.attempts(workflow, job.fileName).filter(isOpen);
}

/** @throws GaswError CONFLICT where a job that has failed is not held, but over */
function refuseOver({ store }: Deps, workflow: StoredWorkflow, job: StoredJob): void {
  const others = store.jobs.attempts(workflow, job.fileName);
  const newer = others.some(({ attempt }) => attempt > job.attempt);
  const completed = others.some(({ status }) => status === "COMPLETED");
  if (!isOverFailed(job.stage, { newer, completed })) return;
  throw new GaswError("CONFLICT", `job ${job.fileName} has failed and is over, not held`, {
    hint: `use \`gasw-k8s retry ${shellWord(job.fileName)}\` to run it again`,
  });
}
