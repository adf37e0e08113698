import path from "node:path";
import { commandLine } from "../../core/commandWords.ts";
import type { Workflow } from "../../core/job.ts";
import { foundAttempts } from "../../core/lifecycle/found.ts";
import type { Owner, Tenure } from "../../core/owner.ts";
import { GaswError } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import { serverNow } from "../deps.ts";
import { bindHere, confirmCluster, firstSight, ownObjects } from "../workflow/cluster.ts";
import { isWorkflowDirectory } from "../workflow/directory.ts";
import { knownWorkflow } from "../workflow/known.ts";
import { Tenancy } from "../workflow/owner.ts";
import { tenureOf } from "../workflow/tenure.ts";
import { whileHolding } from "./hold.ts";
import { refresh } from "./refresh.ts";
import { hasOutput, remainsOf } from "./remains.ts";
import type { SyncDeps } from "./sync.ts";

/** What an adoption came to. */
export interface Adopted {
  readonly workflow: StoredWorkflow;
  /** Who served the workflow before; undefined: this state file, or nobody that is known. */
  readonly from: Owner | undefined;
  /** Attempts that were not known here. */
  readonly taken: number;
  /** Scripts that have run, and left nothing but their output: they are not adopted. */
  readonly unknown: readonly string[];
}

/**
 * Makes this state file the owner of a workflow whose own is lost, and takes up its jobs: from the cluster, the GASW
 * database and what its pods have left in its directory. What runs goes on; the former owner keeps off, should it
 * come back. What is known here already stays as it is, unless the former owner has told its end.
 * @throws NotOwner; GaswError NOT_FOUND (nothing is left of it), CONFLICT, CLUSTER, DATABASE
 */
export async function adoptWorkflow(deps: SyncDeps, directory: string): Promise<Adopted> {
  const known = knownWorkflow(deps, directory);
  const workflow: Workflow = known ?? {
    id: path.basename(directory),
    directory,
    namespace: deps.config.k8sNamespace,
  };
  if (!isWorkflowDirectory(directory)) throw notMounted(directory);
  if (known !== undefined) await confirmCluster(deps, known, firstSight());
  const before = await tenureOf(deps, workflow);
  if (before?.isCleaned === true) throw beingCleaned(workflow);
  // Nothing is taken over that could not be taken up.
  const first = foundAttempts(await remainsOf(deps, workflow, servedUntil(deps, before)));
  if (before === undefined && known === undefined && (await ownObjects(deps, workflow)).length === 0)
    throw first.length === 0 ? nothingLeft(workflow) : otherCluster(deps, workflow);
  const tenancy = new Tenancy(deps, workflow);
  const ownership = await tenancy.taken({ trusts: false, announces: false, adopts: true });
  if (ownership === "unguarded") throw unguarded(workflow);
  const stored = deps.store.workflows.register(workflow);
  if (before !== undefined) deps.store.adoption.noteTakeover(stored, [...before.killed]);
  return await whileHolding(deps, stored, async () => {
    // The former owner may have gone on until a moment ago.
    const remains = await remainsOf(deps, stored, servedUntil(deps, before));
    if (remains.hasDatabase && remains.rows.length === 0) deps.warn(noRows(stored));
    const found = foundAttempts(remains);
    await bindHere(deps, stored);
    const from = formerOwner(deps, before);
    const taken = deps.store.adoption.takeUp(stored, found, deps.config.image ?? "", from !== undefined);
    await refresh(deps, stored);
    const adopted = new Set(deps.store.jobs.all(stored).map(({ fileName }) => fileName));
    const unknown = remains.scripts.filter((name) => !adopted.has(name) && hasOutput(stored.directory, name));
    return { workflow: stored, from, taken, unknown };
  });
}

function formerOwner({ store }: SyncDeps, before: Tenure | undefined): Owner | undefined {
  return before === undefined || before.owner.id === "" || before.owner.id === store.identity()
    ? undefined
    : before.owner;
}

/** When the former owner was last heard of: what came later it cannot have told. */
function servedUntil(deps: SyncDeps, before: Tenure | undefined): Date | undefined {
  // Of an adoption that was cut off, this state file is the owner already.
  if (before !== undefined && formerOwner(deps, before) === undefined && before.since !== undefined)
    return new Date(before.since);
  const { silence } = before ?? {};
  return silence === undefined ? undefined : new Date(serverNow(deps).getTime() - silence * 1000);
}

function noRows({ id }: Workflow): string {
  return `the GASW database has no rows of workflow ${id}: jobs that have ended are reported, even if its former owner has reported them (check dao.url)`;
}

function nothingLeft({ id, directory, namespace }: Workflow): GaswError {
  return new GaswError(
    "NOT_FOUND",
    `nothing is left of workflow ${id} (${directory}) in namespace ${namespace}: no Lease, no Jobs, no rows in the GASW database and no records in its directory`,
    { hint: "check the directory and --namespace; to begin a workflow, submit its first job" },
  );
}

function otherCluster({ client }: SyncDeps, { id }: Workflow): GaswError {
  return new GaswError(
    "CONFLICT",
    `cluster ${client.access.server.origin} has no objects of workflow ${id}, but its jobs have run: they were submitted to another cluster`,
    {
      hint: "use the kubeconfig that they were submitted with; if that cluster no longer exists, submit the jobs again under other names",
    },
  );
}

function notMounted(directory: string): GaswError {
  return new GaswError("USAGE", `${directory} is not a workflow directory: it has no folder sh`, {
    hint: "check the path, and whether its file system is mounted: the records there tell what was reported",
  });
}

function beingCleaned({ id, directory }: Workflow): GaswError {
  const command = commandLine("cleanup", "--workflow", directory, "--cancel");
  return new GaswError("CONFLICT", `a cleanup of workflow ${id} has begun and did not finish`, {
    hint: `finish it: \`${command}\``,
  });
}

function unguarded({ id, namespace }: Workflow): GaswError {
  return new GaswError(
    "CONFLICT",
    `cannot tell whether another state file serves workflow ${id}: this account cannot use Leases in namespace ${namespace}, or the namespace does not exist`,
    { hint: "grant the rule for leases of coordination.k8s.io in deploy/rbac.yaml, then run adopt again" },
  );
}
