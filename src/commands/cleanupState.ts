import type { Context } from "../context.ts";
import { quietSeconds } from "../core/retention.ts";
import { pathsOf } from "../services/cleanup/oldFiles.ts";
import {
  deleteEntry,
  type EntryResult,
  type JudgedEntry,
  judgeEntries,
} from "../services/cleanup/stateCleanup.ts";
import { unknownWorkflow } from "../services/workflow/known.ts";
import { resolve } from "../services/workflow/resolve.ts";
import type { StoredWorkflow } from "../store/records.ts";
import { confirmed } from "../ui/confirm.ts";
import type { OutputFormat } from "../ui/io.ts";
import { duration, printable } from "../ui/output.ts";
import { table } from "../ui/table.ts";

/** What `cleanup --state` takes. */
export interface StateOptions {
  readonly output: OutputFormat;
  /** Directory of the only workflow. */
  readonly workflow?: string;
  /** The only namespace. */
  readonly namespace?: string;
  readonly yes?: boolean;
  /** Seconds that a workflow must not have changed for. */
  readonly olderThan: number;
}

/**
 * `cleanup --state`: shows which workflows the state no longer needs to remember, and deletes those from it, with what
 * is left of them in their directories, when told to.
 */
export async function cleanupState(context: Context, options: StateOptions): Promise<number> {
  const { io } = context;
  const judged = await judgeEntries(context, workflowsOf(context, options), options.olderThan);
  const going = judged.filter(({ keep }) => keep === undefined);
  if (options.output === "text") showPlan(context, judged, going);
  const question = `delete ${entries(going)} from the state?`;
  const acts =
    going.length > 0 &&
    (options.yes === true || (options.output === "text" && (await confirmed(io, question))));
  const results = acts ? going.map((entry) => deleteOne(context, entry, options)) : undefined;
  if (options.output === "json") print(context, judged, results);
  else if (!acts && going.length > 0)
    io.stderr.write("nothing was deleted (use --yes to delete these workflows from the state)\n");
  return 0;
}

/** @throws GaswError NOT_FOUND */
function workflowsOf(context: Context, options: StateOptions): StoredWorkflow[] {
  // A command that only looks makes no state.
  if (!context.hasState && options.workflow === undefined) return [];
  if (options.workflow !== undefined) {
    const { workflow, directory = "" } = resolve(context, {
      cwd: context.io.cwd,
      workflow: options.workflow,
    });
    if (workflow === undefined) throw unknownWorkflow(context, directory);
    return [workflow];
  }
  const { namespace } = options;
  return context.store.workflows
    .all()
    .filter((workflow) => namespace === undefined || workflow.namespace === namespace);
}

function showPlan({ io, now }: Context, judged: readonly JudgedEntry[], going: readonly JudgedEntry[]): void {
  if (judged.length === 0) {
    io.stderr.write("no workflows in the state of this host (--orphaned looks in the cluster)\n");
    return;
  }
  const rows = judged.map(({ workflow, facts, files, keep }) => [
    keep === undefined ? "delete" : "keep",
    workflow.namespace,
    workflow.id,
    files.directory === "there" ? workflow.directory : `${workflow.directory} (${files.directory})`,
    `${facts.jobs}`,
    duration(quietSeconds(facts, now()) * 1000),
    keep ?? filesText(pathsOf(files).length),
  ]);
  const header = ["ACTION", "NAMESPACE", "WORKFLOW", "DIRECTORY", "ATTEMPTS", "UNCHANGED", "FILES OR REASON"];
  io.stdout.write(table(header, rows));
  const attempts = going.reduce((sum, { facts }) => sum + facts.jobs, 0);
  const files = going.reduce((sum, one) => sum + pathsOf(one.files).length, 0);
  io.stderr.write(
    going.length === 0
      ? "nothing to delete\n"
      : `to delete: ${entries(going)} with ${counted(attempts, "attempt")} from the state, and ${filesText(files)} in their directories\n`,
  );
}

function deleteOne(context: Context, entry: JudgedEntry, options: StateOptions): EntryResult {
  const result = deleteEntry(context, entry, options.olderThan);
  const { namespace, id } = entry.workflow;
  if (typeof result.outcome === "object")
    context.warn(`workflow ${namespace}/${id} was left: ${result.outcome.left}`);
  if (result.failures.length > 0) context.warn(`files could not be removed: ${result.failures.join(", ")}`);
  if (options.output === "text" && result.outcome === "deleted")
    context.io.stdout.write(
      `deleted workflow ${printable(`${namespace}/${id}`)} (${counted(entry.facts.jobs, "attempt")}, ${filesText(result.removed.length)})\n`,
    );
  return result;
}

function print(
  { io }: Context,
  judged: readonly JudgedEntry[],
  results: readonly EntryResult[] | undefined,
): void {
  const named = ({ workflow: { id, namespace } }: JudgedEntry) => ({ workflow: id, namespace });
  const document = {
    dryRun: results === undefined,
    workflows: judged.map((entry) => ({
      ...named(entry),
      directory: entry.workflow.directory,
      directoryState: entry.files.directory,
      attempts: entry.facts.jobs,
      lastChange: entry.facts.lastChange,
      removable: entry.keep === undefined,
      reason: entry.keep ?? null,
      files: pathsOf(entry.files),
    })),
    ...(results === undefined
      ? {}
      : {
          deleted: results
            .filter(({ outcome }) => outcome === "deleted")
            .map(({ entry, removed, failures }) => ({ ...named(entry), files: removed, failures })),
          left: results.flatMap(({ entry, outcome }) =>
            typeof outcome === "object" ? [{ ...named(entry), reason: outcome.left }] : [],
          ),
        }),
  };
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

function entries(judged: readonly JudgedEntry[]): string {
  return counted(judged.length, "workflow");
}

function filesText(number: number): string {
  return number === 0 ? "no old files" : counted(number, "old file");
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
