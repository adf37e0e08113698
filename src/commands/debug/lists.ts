import path from "node:path";
import type { Context } from "../../context.ts";
import {
  type ListScope,
  listClaimRecords,
  listJobRecords,
  listNodeRecords,
  listPodRecords,
  listVolumeRecords,
} from "../../services/debug/inventory.ts";
import { claimTable, jobTable, nodeTable, podTable, volumeTable } from "../../ui/inventory.ts";
import type { OutputFormat } from "../../ui/io.ts";
import { printable } from "../../ui/output.ts";

export interface ListOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  /** Prints names alone, with their namespace where all are listed. */
  readonly quiet?: boolean;
}

/** `debug pods` */
export async function pods(context: Context, options: ListOptions): Promise<number> {
  return print(context, options, "pods", await listPodRecords(context, scopeOf(context, options)), podTable);
}

/** `debug jobs` */
export async function jobs(context: Context, options: ListOptions): Promise<number> {
  return print(context, options, "jobs", await listJobRecords(context, scopeOf(context, options)), jobTable);
}

/** `debug nodes` */
export async function nodes(context: Context, options: ListOptions): Promise<number> {
  return print(context, options, "nodes", await listNodeRecords(context), nodeTable);
}

/** `debug pv` */
export async function volumes(context: Context, options: ListOptions): Promise<number> {
  return print(
    context,
    options,
    "volumes",
    await listVolumeRecords(context, scopeOf(context, options)),
    volumeTable,
  );
}

/** `debug pvc` */
export async function claims(context: Context, options: ListOptions): Promise<number> {
  return print(
    context,
    options,
    "claims",
    await listClaimRecords(context, scopeOf(context, options)),
    claimTable,
  );
}

function scopeOf({ config, io }: Context, { all, allNamespaces, workflow }: ListOptions): ListScope {
  return {
    namespace: allNamespaces === true ? undefined : config.k8sNamespace,
    all: all === true,
    // The directory itself may be gone: an administrator looks at what it left behind.
    workflowId: workflow === undefined ? undefined : path.basename(path.resolve(io.cwd, workflow)),
  };
}

function print<T extends { readonly name: string; readonly namespace?: string | null }>(
  { io, config }: Context,
  { output, all, allNamespaces, quiet }: ListOptions,
  key: string,
  records: readonly T[],
  toTable: (records: readonly T[], now: Date) => string,
): number {
  if (output === "json") io.stdout.write(`${JSON.stringify({ [key]: records }, null, 2)}\n`);
  else if (records.length > 0) {
    const named = allNamespaces === true ? records.map(qualified) : records;
    io.stdout.write(
      quiet === true ? named.map(({ name }) => `${printable(name)}\n`).join("") : toTable(named, io.now()),
    );
  } else {
    const where = allNamespaces === true ? "any namespace" : `namespace ${config.k8sNamespace}`;
    const ours =
      all === true || key === "nodes" ? "" : ` created by gasw-k8s in ${where} (--all also shows others)`;
    io.stderr.write(`no ${key}${ours}\n`);
  }
  return 0;
}

/** A record under the name that tells it from those of other namespaces. */
function qualified<T extends { readonly name: string; readonly namespace?: string | null }>(record: T): T {
  const { name, namespace } = record;
  return namespace === undefined || namespace === null ? record : { ...record, name: `${namespace}/${name}` };
}
