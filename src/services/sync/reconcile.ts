import { isInCluster } from "../../core/job.ts";
import { type Extent, plan } from "../../core/lifecycle/round.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import type { NewContent } from "../submit/newContent.ts";
import { Tenancy } from "../workflow/owner.ts";
import { carryOut } from "./carryOut.ts";
import { readEnds } from "./ends.ts";
import { takeLateOutputs } from "./lateOutput.ts";
import { look } from "./look.ts";

/** What a round is confined to. */
export interface Scope {
  /** File names of the invocations; without them, all of the workflow. */
  readonly fileNames?: ReadonlySet<string> | undefined;
  /** Whether attempts that are due are left for whoever holds the workflow. */
  readonly leaveDue?: boolean;
  /**
   * Whether nothing is decided where the workflow is taken over just now: what its owner before has made is
   * to be known first.
   */
  readonly leavesTakeover?: boolean;
  /** Who gives the signals, in words; without it, the GASW database. */
  readonly by?: string;
  /** What a person has asked invocations to be from their next attempts on, by their file names. */
  readonly contents?: ReadonlyMap<string, NewContent>;
}

/**
 * One round for a workflow: what the cluster shows, the signals that others wrote, what follows from every
 * end, and the resubmissions that are due. The caller holds the workflow, or leaves those to the one who
 * does.
 * @param signals by job id, as the GASW database shows them
 * @throws OtherCluster; NotOwner; GaswError CLUSTER; what fails for one job alone is warned about
 */
export async function reconcile(
  deps: Deps,
  workflow: StoredWorkflow,
  signals: ReadonlyMap<string, string>,
  scope: Scope = {},
): Promise<void> {
  const { fileNames, leaveDue = false, by = "a signal in the GASW database" } = scope;
  const isMeant = ({ fileName }: StoredJob) => fileNames?.has(fileName) ?? true;
  await takeLateOutputs(deps, workflow, isMeant);
  const attempts = deps.store.jobs.openInvocations(workflow, [...signals.keys()]).filter(isMeant);
  if (attempts.length === 0) return;
  const extent: Extent = leaveDue ? "all but turns" : "all";
  const tenancy = new Tenancy(deps, workflow);
  const isKnown = !deps.store.adoption.isDue(workflow);
  const seen = await look(deps, workflow, attempts);
  // Somebody else's kill or clean-up may be why a Job is gone: what was known a moment ago does not count
  // then.
  const trusts = !attempts.some(
    (job) => isInCluster(job.status) && seen(job).observation.phase === "missing",
  );
  const ownership = await tenancy.taken({ makes: attempts.some(isGoingOn), trusts });
  if (scope.leavesTakeover === true && isKnown && deps.store.adoption.isDue(workflow)) return;
  if (ownership === "followed") return await reconcile(deps, workflow, signals, scope);
  const ends = await readEnds(deps, workflow, attempts, seen, extent);
  const planned = plan(attempts, {
    extent,
    rules: deps.config,
    now: deps.now(),
    kill: { reason: "Killed", message: `killed by ${by}` },
    seen,
    signal: ({ id }) => signals.get(id),
    own: ({ key }) => ends.get(key),
  });
  const failure = await carryOut(deps, workflow, { attempts, planned, seen, contents: scope.contents });
  if (failure !== undefined) throw failure;
}

/** Whether there is more to be done for a job than to see to its end. */
function isGoingOn({ stage: { name } }: StoredJob): boolean {
  return name === "written" || name === "due" || name === "active";
}
