import path from "node:path";
import type { Context } from "../context.ts";
import { engineOf } from "../core/inventory/life.ts";
import { VERDICTS } from "../core/orphans/verdict.ts";
import { messageOf } from "../errors.ts";
import type { Judged } from "../services/orphans/judged.ts";
import { judgeLegacy } from "../services/orphans/legacy.ts";
import type { SweepMetrics } from "../services/orphans/metrics.ts";
import { judgeWorkflows, type SweepResult, sweep } from "../services/orphans/sweep.ts";
import { confirmed } from "../ui/confirm.ts";
import type { OutputFormat } from "../ui/io.ts";
import { countText, orphanTable } from "../ui/orphans.ts";
import { errorReport, printable } from "../ui/output.ts";
import { removalProgress } from "../ui/removalProgress.ts";

/** What `cleanup --orphaned` takes. */
export interface OrphanedOptions {
  readonly output: OutputFormat;
  /** The only workflow: its directory, or its id. */
  readonly workflow?: string;
  /** The only namespace. */
  readonly namespace?: string;
  /** Label selector that an object of a workflow must match. */
  readonly selector?: string;
  readonly yes?: boolean;
  /** Whether nothing is said of what is waited for. */
  readonly quiet?: boolean;
  /** Seconds without a sign of life before anything counts as left behind. */
  readonly olderThan: number;
  /** Whether workflows with failed Jobs are left alone. */
  readonly keepFailed?: boolean;
  /** Whether what GASW's Java plugin has left is looked for, too. */
  readonly legacy?: boolean;
  /** Seconds to wait for each kind of a workflow's objects. */
  readonly timeout: number;
  /** File that gets figures about the sweep. */
  readonly metricsFile?: string;
  readonly verbose?: boolean;
}

/**
 * `cleanup --orphaned`: shows what the cluster has of every workflow and whether it is still in use, and removes what
 * is lost or finished when told to.
 * @throws GaswError USAGE where the figures cannot be written, before anything is removed
 */
export async function cleanupOrphaned(context: Context, options: OrphanedOptions): Promise<number> {
  const { io, now, warn } = context;
  if (options.metricsFile === undefined) return await look(context, options);
  const { SweepMetrics } = await import("../services/orphans/metrics.ts");
  const metrics = new SweepMetrics(path.resolve(io.cwd, options.metricsFile), now);
  let code: number;
  try {
    code = await look(context, options, metrics);
  } catch (error) {
    // What stopped the sweep matters more.
    await metrics.write(true).catch((failure: unknown) => warn(messageOf(failure)));
    throw error;
  }
  await metrics.write(false);
  return code;
}

async function look(context: Context, options: OrphanedOptions, metrics?: SweepMetrics): Promise<number> {
  const { io } = context;
  const { namespace, selector } = options;
  const { judged, gaps } = await judgeWorkflows(context, { namespace, selector }, options.olderThan);
  if (gaps.length > 0)
    context.warn(
      `this account cannot list ${gaps.join(", ")} in all namespaces (see deploy/rbac.yaml): workflows may be missing, and those it cannot see whole are left`,
    );
  const legacy = options.legacy === true ? await judgeLegacy(context, { namespace }, options.olderThan) : [];
  const shown = [...judged, ...legacy].filter((one) => isAsked(one, options, io.cwd)).sort(byVerdict);
  metrics?.note(shown);
  const going = shown.filter((one) => isRemovable(one, options));
  if (options.output === "text") showPlan(context, shown, going, options);
  const chosen = going.length === 0 ? [] : await confirmedOf(context, going, options);
  if (chosen.length === 0) {
    if (options.output === "json") print(context, shown, going, undefined);
    else if (going.length > 0)
      io.stderr.write(
        options.yes === true
          ? "nothing was removed\n"
          : "nothing was removed (use --yes to remove these objects)\n",
      );
    return 0;
  }
  const result = await remove(context, chosen, options);
  metrics?.note(shown, result);
  return report(context, options, shown, going, result);
}

/**
 * What a person, or --yes, wants to be removed. Of the Java plugin's, whose engine cannot be seen to be alive, each
 * workflow is asked for on its own; --yes is enough where it is named.
 */
async function confirmedOf(
  { io }: Context,
  going: readonly Judged[],
  options: OrphanedOptions,
): Promise<Judged[]> {
  const asks = (question: string) => (options.output === "text" ? confirmed(io, question) : false);
  const ours = going.filter(({ isLegacy }) => isLegacy !== true);
  const answers: Judged[] = [];
  const isSure = options.yes === true;
  if (ours.length > 0 && (isSure || (await asks(`remove ${objectsOf(ours)} of ${workflows(ours)}?`))))
    answers.push(...ours);
  for (const one of going.filter(({ isLegacy }) => isLegacy === true)) {
    const { namespace, id } = one.workflow;
    const question = `remove ${objectsOf([one])} of the Java plugin's workflow ${namespace}/${id}?`;
    if ((isSure && options.workflow !== undefined) || (await asks(question))) answers.push(one);
    else if (isSure)
      io.stderr.write(
        `left: ${printable(id)} of the Java plugin (add --workflow ${printable(id)} to remove it)\n`,
      );
  }
  return answers;
}

function objectsOf(judged: readonly Judged[]): string {
  const objects = judged.flatMap(({ removal, workflow }) => [
    ...removal,
    ...workflow.leases.map(() => ({ kind: "Lease" })),
  ]);
  return countText(objects);
}

function isAsked({ workflow }: Judged, { workflow: asked }: OrphanedOptions, cwd: string): boolean {
  return asked === undefined || path.basename(path.resolve(cwd, asked)) === workflow.id;
}

function isRemovable({ verdict, facts }: Judged, { keepFailed }: OrphanedOptions): boolean {
  return (verdict === "lost" || verdict === "finished") && !(keepFailed === true && facts.jobs.failed > 0);
}

function byVerdict(a: Judged, b: Judged): number {
  const rank = VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict);
  const name = ({ workflow: { namespace, id } }: Judged) => `${namespace ?? ""}/${id}`;
  return rank === 0 ? Number(name(a) > name(b)) - Number(name(a) < name(b)) : rank;
}

function showPlan(
  { io }: Context,
  shown: readonly Judged[],
  going: readonly Judged[],
  options: OrphanedOptions,
): void {
  if (shown.length === 0) {
    io.stderr.write(`${noWorkflows(options)}\n`);
    return;
  }
  io.stdout.write(orphanTable(shown));
  io.stderr.write(
    going.length === 0
      ? "nothing to remove\n"
      : `to remove: ${objectsOf(going)} of ${workflows(going)}; the files on their volumes are kept (reclaim policy Retain)\n`,
  );
}

function workflows(judged: readonly Judged[]): string {
  return judged.length === 1 ? "1 workflow" : `${judged.length} workflows`;
}

function noWorkflows({ workflow, namespace, selector, legacy }: OrphanedOptions): string {
  const which = [
    ...(workflow === undefined ? [] : [`--workflow ${printable(workflow)}`]),
    ...(selector === undefined ? [] : [`--selector ${printable(selector)}`]),
  ].join(" ");
  const where = namespace === undefined ? "any namespace" : `namespace ${printable(namespace)}`;
  const elsewhere = legacy === true ? "" : " (--legacy also looks for what GASW's Java plugin has left)";
  return `no workflow of gasw-k8s${which === "" ? "" : ` that matches ${which}`} in ${where}${elsewhere}`;
}

async function remove(
  context: Context,
  going: readonly Judged[],
  options: OrphanedOptions,
): Promise<SweepResult> {
  const objects = going.flatMap(({ removal }) => removal);
  const { onStep, stop } = await removalProgress(context.io, objects, options);
  return await sweep(context, going, options.timeout, onStep).finally(stop);
}

function report(
  context: Context,
  options: OrphanedOptions,
  shown: readonly Judged[],
  going: readonly Judged[],
  result: SweepResult,
): number {
  const { io } = context;
  if (options.output === "json") print(context, shown, going, result);
  else {
    for (const { kind, name } of result.removed) io.stdout.write(`removed ${kind} ${printable(name)}\n`);
    for (const { message } of result.left) context.warn(message);
  }
  const last = result.failures.at(-1);
  if (options.output === "text")
    for (const failure of result.failures.slice(0, -1)) io.stderr.write(errorReport(failure, options));
  if (last !== undefined) throw last;
  return 0;
}

function print(
  { io }: Context,
  shown: readonly Judged[],
  going: readonly Judged[],
  result: SweepResult | undefined,
): void {
  const document = {
    dryRun: result === undefined,
    workflows: shown.map((one) => publicForm(one, going.includes(one))),
    ...(result === undefined
      ? {}
      : {
          removed: result.removed.map(({ kind, name }) => ({ kind, name })),
          left: result.left.map(({ message }) => message),
          failures: result.failures.map(({ code, message, hint }) => ({ code, message, hint })),
        }),
  };
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

function publicForm({ workflow, facts, folder, verdict, reason, removal }: Judged, isRemovable: boolean) {
  const { engine, jobs, directory, quiet } = facts;
  return {
    workflow: workflow.id,
    namespace: workflow.namespace ?? null,
    directory: directory ?? null,
    folder,
    verdict,
    reason,
    engine: engine === undefined ? null : engineOf(engine),
    jobs,
    quietSeconds: rounded(quiet),
    removable: isRemovable,
    objects: [
      ...removal.map(({ kind, name }) => ({ kind, name })),
      ...workflow.leases.map(({ metadata }) => ({ kind: "Lease", name: metadata?.name ?? "" })),
    ],
  };
}

function rounded(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Math.round(seconds);
}
