import { plan } from "../../core/lifecycle/round.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { carryOut, EXECUTORS } from "./carryOut.ts";
import type { Run, Task } from "./run.ts";

/** Nobody has to look at a job for that. */
const UNSEEN = { observation: { phase: "missing" }, isAlive: false } as const;

/** An object that a clean-up removes. */
interface Removable {
  readonly kind: string;
  readonly name: string;
}

/**
 * Has a clean-up remove Jobs, with all else that it removes. Which jobs are about to be deleted is written
 * down before, so that whoever looks at them meanwhile knows why they vanish; they end once those are gone.
 * @param objects that it removes
 * @param remove does that, once
 * @returns what that came to
 */
export async function cleanUpJobs<Result extends { readonly removed: readonly Removable[] }>(
  deps: Deps,
  workflow: StoredWorkflow,
  objects: readonly Removable[],
  remove: () => Promise<Result>,
): Promise<Result> {
  const names = namesOfJobs(objects);
  const attempts = deps.store.jobs
    .active(workflow)
    .filter(({ kubeName, status }) => status !== "NOT_SUBMITTED" && names.has(kubeName));
  const planned = plan<StoredJob>(attempts, {
    extent: "clean-up",
    rules: deps.config,
    now: deps.now(),
    kill: { reason: "Deleted", message: "deleted by cleanup --cancel" },
    seen: () => UNSEEN,
    signal: () => undefined,
    own: () => undefined,
  });
  let result: Promise<Result> | undefined;
  const removeOnce = () => {
    result ??= remove();
    return result;
  };
  const removeJob = async (run: Run, tasks: readonly Task<"removeJob">[]) => {
    const gone = namesOfJobs((await removeOnce()).removed);
    for (const { job } of tasks) if (!gone.has(job.kubeName)) run.stop(job);
  };
  await carryOut(deps, workflow, { attempts, planned, seen: () => UNSEEN }, { ...EXECUTORS, removeJob });
  return await removeOnce();
}

function namesOfJobs(objects: readonly Removable[]): Set<string> {
  return new Set(objects.filter(({ kind }) => kind === "Job").map(({ name }) => name));
}
