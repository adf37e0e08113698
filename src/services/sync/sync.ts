import type { Workflow } from "../../core/job.ts";
import { SIGNALS } from "../../core/lifecycle/signal.ts";
import type { Dao } from "../../dao/dao.ts";
import { GaswError } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { OtherCluster } from "../workflow/cluster.ts";
import { NotOwner } from "../workflow/notOwner.ts";
import { adoptAttempts } from "./adopt.ts";
import { deliver } from "./deliver.ts";
import { isSeenTo, tellBlind, whileHolding } from "./hold.ts";
import { reconcile, type Scope } from "./reconcile.ts";
import { refresh } from "./refresh.ts";

/** What a synchronisation works with. */
export interface SyncDeps extends Deps {
  /**
   * Opens the GASW database of a workflow.
   * @throws GaswError CONFIG, DATABASE
   */
  openDao(workflow: Workflow, signal: AbortSignal): Promise<Dao>;
  /** Whether that is there; a file, only where somebody has made it: to look makes none. */
  hasDatabase(workflow: Workflow): Promise<boolean>;
}

/**
 * Synchronises a workflow with its GASW database, unless a monitor does. Where that sees nothing of the
 * cluster, the jobs are looked at.
 * @param ids of jobs whose status in the database is wanted
 * @param fileNames of the invocations that are synchronised; without them, all of the workflow
 * @returns those statuses by job id
 * @throws GaswError CLUSTER, DATABASE, TIMEOUT
 */
export async function sync(
  deps: SyncDeps,
  workflow: StoredWorkflow,
  ids: () => readonly string[],
  fileNames?: ReadonlySet<string>,
): Promise<Map<string, string | null>> {
  return await whileHolding(deps, workflow, async (isHolding) => {
    const dao = await attempt(() => deps.openDao(workflow, deps.signal));
    try {
      if (isHolding) await syncOnce(deps, dao, workflow, fileNames);
      else if (!isSeenTo(deps, workflow)) {
        tellBlind(deps, workflow);
        await refresh(deps, workflow);
      }
      if (dao instanceof GaswError) throw dao;
      const rows = await dao.rows(ids());
      return new Map([...rows].map(([id, { status }]) => [id, status]));
    } finally {
      if (!(dao instanceof GaswError)) await closeDao(deps, dao);
    }
  });
}

/**
 * One synchronisation of a workflow: signals, cluster, retries, then the GASW database. The caller holds the
 * workflow. An outage of one side does not keep the other from being served: without the database the jobs go
 * on as they would without signals.
 * @throws GaswError CLUSTER, DATABASE (what was not told stays to be told)
 */
export async function syncOnce(
  deps: Deps,
  dao: Dao | GaswError,
  workflow: StoredWorkflow,
  fileNames?: ReadonlySet<string>,
): Promise<void> {
  const signals = dao instanceof GaswError ? dao : await attempt(() => takeSignals(deps, dao, workflow));
  const given = signals instanceof GaswError ? new Map<string, string>() : signals;
  const reconciled = await attempt(() => round(deps, dao, workflow, given, { fileNames }));
  if (
    reconciled instanceof OtherCluster ||
    reconciled instanceof NotOwner ||
    (reconciled instanceof GaswError && reconciled.code === "INTERRUPTED")
  )
    throw reconciled;
  if (signals instanceof GaswError) throw signals;
  await deliver(deps, dao as Dao, workflow, fileNames);
  if (reconciled instanceof GaswError) throw reconciled;
}

/**
 * The signals to follow now; what a former owner of the workflow has made is taken up first.
 * @throws GaswError DATABASE
 */
export async function takeSignals(
  deps: Deps,
  dao: Dao,
  workflow: StoredWorkflow,
): Promise<Map<string, string>> {
  await adoptAttempts(deps, dao, workflow);
  return await readSignals(dao);
}

/**
 * Where the workflow is taken over in a round, what its owner before has made is taken up before anything is
 * decided.
 */
async function round(
  deps: Deps,
  dao: Dao | GaswError,
  workflow: StoredWorkflow,
  signals: ReadonlyMap<string, string>,
  scope: Scope,
): Promise<void> {
  if (dao instanceof GaswError) return await reconcile(deps, workflow, signals, scope);
  await reconcile(deps, workflow, signals, { ...scope, leavesTakeover: true });
  if (!deps.store.adoption.isDue(workflow)) return;
  await adoptAttempts(deps, dao, workflow);
  await reconcile(deps, workflow, signals, scope);
}

/**
 * Closes the GASW database. What was told stands there by then: that it takes no leave in time is no more
 * than a remark.
 */
export async function closeDao({ warn }: Pick<Deps, "warn">, dao: Dao): Promise<void> {
  try {
    await dao.close();
  } catch (error) {
    if (!(error instanceof GaswError && error.code === "DATABASE")) throw error;
    warn(`could not close the database connection: ${error.message}`);
  }
}

/** The signals that stand in a workflow's rows, by job id. */
export async function readSignals(dao: Dao): Promise<Map<string, string>> {
  const rows = await dao.rowsInStatus(SIGNALS);
  return new Map(rows.map(({ id, status }) => [id, status ?? ""]));
}

async function attempt<T>(action: () => Promise<T>): Promise<T | GaswError> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
}
