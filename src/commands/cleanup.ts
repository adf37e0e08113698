import path from "node:path";
import type { Context } from "../context.ts";
import { commandLine } from "../core/commandWords.ts";
import type { Life } from "../core/inventory/life.ts";
import { hasEnded } from "../core/job.ts";
import { abandoned } from "../core/lifecycle/giveUp.ts";
import { isSameDirectory } from "../directory.ts";
import { GaswError } from "../errors.ts";
import { type CleanupPlan, type CleanupTarget, planCleanup } from "../services/cleanup/cleanup.ts";
import { lifeOf } from "../services/cleanup/life.ts";
import { removeWorkflow } from "../services/cleanup/removeWorkflow.ts";
import { observeForeign } from "../services/sync/foreign.ts";
import { refresh } from "../services/sync/refresh.ts";
import { confirmCluster, firstSight } from "../services/workflow/cluster.ts";
import { unknownWorkflow } from "../services/workflow/known.ts";
import type { StoredWorkflow } from "../store/records.ts";
import { confirmed } from "../ui/confirm.ts";
import { lifeTable } from "../ui/inventory.ts";
import type { OutputFormat } from "../ui/io.ts";
import { errorReport, printable } from "../ui/output.ts";
import { removalProgress } from "../ui/removalProgress.ts";
import { table } from "../ui/table.ts";
import { cleanedWorkflow, confirmDirectory } from "./cleanupTarget.ts";

export interface CleanupOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  /** The configuration file that is named. */
  readonly config?: string;
  readonly yes?: boolean;
  /** Whether nothing is said of what is waited for. */
  readonly quiet?: boolean;
  readonly cancel?: boolean;
  readonly shared?: boolean;
  /**
   * Whether a workflow that is served from another state file is taken from it, and what does not go is freed
   * of finalizers that protect nothing any more.
   */
  readonly force?: boolean;
  /** Whether what ran in a cluster that is gone for good is given up, without asking any cluster. */
  readonly forget?: boolean;
  /** Seconds to wait for each kind of object. */
  readonly timeout: number;
  readonly verbose?: boolean;
}

/** `cleanup`: shows what would go, and removes it when told to. */
export async function cleanup(context: Context, options: CleanupOptions): Promise<number> {
  const { io } = context;
  const { directory, workflow } = cleanedWorkflow(context, options);
  if (options.forget === true) {
    if (workflow === undefined) throw unknownWorkflow(context, directory);
    return await forget(context, workflow, options);
  }
  if (workflow !== undefined) await confirmCluster(context, workflow, firstSight());
  const target = { namespace: context.config.k8sNamespace, id: workflow?.id ?? path.basename(directory) };
  await refuseActive(context, target, workflow, options);
  const plan = await planCleanup(context, target, options.shared === true);
  checkDirectory(plan, target, directory);
  if (workflow === undefined && plan.remove.length === 0) confirmDirectory(context, directory);
  const life = plan.remove.length === 0 ? undefined : await lifeOf(context, plan, directory);
  if (options.output === "text") showPlan(context, plan, life);
  const question = `remove these ${plan.remove.length} objects?`;
  const acts =
    plan.remove.length > 0 &&
    (options.yes === true || (options.output === "text" && (await confirmed(io, question))));
  if (!acts && options.yes !== true) {
    if (options.output !== "text")
      print(context, { dryRun: true, ...life, remove: plan.remove.map(publicForm), keep: plan.keep });
    else if (plan.remove.length > 0)
      io.stderr.write("nothing was removed (use --yes to remove these objects)\n");
    return 0;
  }
  // Between the plan and the answer a job may have been submitted.
  if (options.yes !== true) await refuseActive(context, target, workflow, options);
  return await act(context, plan, directory, workflow, options);
}

/**
 * @throws GaswError CONFLICT when jobs are active, in this host's state or, submitted from another one, in
 * the cluster
 */
async function refuseActive(
  context: Context,
  target: CleanupTarget,
  workflow: StoredWorkflow | undefined,
  { cancel }: CleanupOptions,
): Promise<void> {
  if (workflow !== undefined) await refresh(context, workflow);
  if (cancel === true) return;
  const known = workflow === undefined ? [] : context.store.jobs.all(workflow);
  const seen = await observeForeign(context, target.namespace, target.id);
  const active = new Set([
    ...known.filter((job) => !hasEnded(job.status) && job.status !== "NOT_SUBMITTED").map((job) => job.id),
    ...seen
      .filter(({ id, decision }) => !hasEnded(decision.status) && !known.some((job) => job.id === id))
      .map(({ id }) => id),
  ]);
  if (active.size === 0) return;
  const some = [...active].slice(0, 3).join(", ");
  throw new GaswError(
    "CONFLICT",
    `${active.size} jobs of workflow ${target.id} are still active: ${some}${active.size > 3 ? ", …" : ""}`,
    {
      hint: "wait for them (`gasw-k8s status --watch`), or add --cancel to delete them",
    },
  );
}

/** A workflow of the same name in another directory is another one: its objects are not touched. */
function checkDirectory(plan: CleanupPlan, target: CleanupTarget, directory: string): void {
  const other = plan.remove
    .map((object) => object.directory)
    .find((named) => named !== undefined && !isSameDirectory(named, directory));
  if (other === undefined) return;
  const command = commandLine("cleanup", "--workflow", other);
  throw new GaswError(
    "CONFLICT",
    `the objects of workflow ${target.id} in namespace ${target.namespace} belong to ${other}, not to ${directory}`,
    {
      hint: `use that directory: \`${command}\``,
    },
  );
}

function showPlan({ io }: Context, plan: CleanupPlan, life: Life | undefined): void {
  if (plan.remove.length === 0 && plan.keep.length === 0) {
    io.stderr.write("nothing to remove\n");
    return;
  }
  if (life !== undefined) io.stdout.write(`${lifeTable(plan.target.id, life)}\n`);
  const rows = [
    ...plan.remove.map(({ kind, name, purpose }) => ["remove", kind, name, purpose]),
    ...plan.keep.map(({ kind, name, reason }) => ["keep", kind, name, reason]),
  ];
  io.stdout.write(table(["ACTION", "KIND", "NAME", "FOR"], rows));
}

/**
 * Gives up what ran in a cluster that is gone for good: the workflow goes on in the one that it is submitted
 * to next.
 */
async function forget(context: Context, workflow: StoredWorkflow, options: CleanupOptions): Promise<number> {
  const { io, store } = context;
  if (store.holds.isMonitored(workflow)) {
    throw new GaswError(
      "CONFLICT",
      `workflow ${workflow.id} is locked by ${store.holds.holderOf(workflow)}`,
      {
        hint: "stop that monitor first: it may still be using the cluster",
      },
    );
  }
  const { server } = store.placements.of(workflow);
  const jobs = store.jobs.active(workflow).filter(({ status }) => status !== "NOT_SUBMITTED");
  const where = server === null ? "the cluster it was submitted to" : server;
  if (options.output === "text")
    for (const { id, status } of jobs) io.stdout.write(`give up ${printable(id)} (${status})\n`);
  const acts =
    options.yes === true ||
    (options.output === "text" && (await confirmed(io, `forget ${where} and everything left there?`)));
  if (acts) {
    for (const job of jobs) {
      const change = abandoned(job, where, context.now());
      if (change !== undefined) store.changes.write(job, change);
    }
    store.intents.giveUp(workflow);
    store.placements.clear(workflow);
  }
  if (options.output === "json")
    print(context, { dryRun: !acts, forgotten: { server, jobs: jobs.map(({ id }) => id) } });
  else io.stderr.write(acts ? `${where} is forgotten\n` : "nothing was forgotten (use --yes to forget it)\n");
  return 0;
}

async function act(
  context: Context,
  plan: CleanupPlan,
  directory: string,
  workflow: StoredWorkflow | undefined,
  options: CleanupOptions,
): Promise<number> {
  const { io } = context;
  const { onStep, stop } = await removalProgress(io, plan.remove, options);
  const { timeout } = options;
  const { removed, failures } = await removeWorkflow(context, plan, {
    directory,
    workflow,
    timeout,
    onStep,
    forces: options.force,
  }).finally(stop);
  if (options.output === "text")
    for (const { kind, name } of removed) io.stdout.write(`removed ${kind} ${printable(name)}\n`);
  else
    print(context, {
      dryRun: false,
      removed: removed.map(publicForm),
      keep: plan.keep,
      failures: failures.map(({ code, message, hint }) => ({ code, message, hint })),
    });
  if (options.output === "text")
    for (const failure of failures.slice(0, -1)) io.stderr.write(errorReport(failure, options));
  const last = failures.at(-1);
  if (last !== undefined) throw last;
  return 0;
}

function publicForm({ kind, name, purpose }: { kind: string; name: string; purpose: string }) {
  return { kind, name, for: purpose };
}

function print({ io }: Context, document: object): void {
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
