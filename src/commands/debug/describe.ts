import type { Context } from "../../context.ts";
import {
  type Block,
  describeClaim,
  describeJob,
  describeNode,
  describePersistentVolume,
  describePod,
} from "../../core/inventory/describe.ts";
import { masked } from "../../core/inventory/hideSecrets.ts";
import { listedEvent } from "../../core/inventory/listed.ts";
import type {
  CoreV1Event,
  KubernetesObject,
  V1Job,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
} from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { KINDS, type Kind, kindOf, readObject } from "../../services/debug/describe.ts";
import { type JobObjects, readJobObjects } from "../../services/debug/objects.ts";
import { confirmTarget, findTarget, type JobTarget } from "../../services/debug/target.ts";
import { firstSight } from "../../services/workflow/cluster.ts";
import { blocksText } from "../../ui/describe.ts";
import { eventTable } from "../../ui/inventory.ts";
import type { Io, OutputFormat } from "../../ui/io.ts";

export interface DescribeOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
}

/** `debug describe JOB`, `debug describe KIND NAME` */
export async function describe(
  context: Context,
  first: string,
  name: string | undefined,
  options: DescribeOptions,
): Promise<number> {
  if (name === undefined) return await describeAll(context, first, options);
  const kind = kindOf(first);
  if (kind === undefined) {
    throw new GaswError("USAGE", `unknown kind ${first}`, {
      hint: `use one of ${KINDS.join(", ")}, or pass only a job`,
    });
  }
  const found = await readObject(
    context,
    kind,
    kind === "job" ? await kubeNameOf(context, name, options) : name,
  );
  const { object, events } = masked(found);
  if (options.output === "json") return printJson(context.io, { object, events: events.map(listedEvent) });
  context.io.stdout.write(blocksText(blocksOf(kind, object)) + eventsText(context.io, events));
  return 0;
}

/** `debug events JOB` */
export async function events(context: Context, name: string, options: DescribeOptions): Promise<number> {
  const { io } = context;
  const target = await findTarget(context, name, { workflow: options.workflow, cwd: io.cwd });
  const list = (await readJobObjects(context, target)).events.map(listedEvent);
  if (options.output === "json") return printJson(io, { job: target.id, events: list });
  if (list.length > 0) io.stdout.write(eventTable(list, io.now()));
  else io.stderr.write(`no events found for ${target.id} (clusters keep events for about an hour)\n`);
  return 0;
}

/** A Job may be named as GASW does, too. */
async function kubeNameOf(context: Context, name: string, { workflow }: DescribeOptions): Promise<string> {
  try {
    const target = await findTarget(context, name, { workflow, cwd: context.io.cwd });
    await confirmTarget(context, target, firstSight());
    return target.kubeName;
  } catch (error) {
    if (error instanceof GaswError && error.code === "NOT_FOUND") return name;
    throw error;
  }
}

async function describeAll(context: Context, name: string, options: DescribeOptions): Promise<number> {
  const { io } = context;
  const target = await findTarget(context, name, { workflow: options.workflow, cwd: io.cwd });
  const objects = masked(await readJobObjects(context, target));
  if (options.output === "json") return printJson(io, jobDocument(target, objects));
  io.stdout.write(blocksText(jobBlocks(target, objects)) + eventsText(io, objects.events));
  return 0;
}

function jobDocument(
  { id, workflow, namespace, directory, kubeName, stored }: JobTarget,
  objects: JobObjects,
): object {
  return {
    id,
    workflow,
    namespace,
    directory,
    kubernetesName: kubeName,
    status: stored?.status ?? null,
    job: objects.job ?? null,
    pods: objects.pods,
    lastPod: objects.lastPod ?? null,
    claims: objects.claims.flatMap(({ found }) => (found === undefined ? [] : [found])),
    volumes: objects.volumes,
    events: objects.events.map(listedEvent),
  };
}

function jobBlocks(target: JobTarget, { job, pod, pods, lastPod, claims, volumes }: JobObjects): Block[] {
  const missing = claims
    .filter(({ found }) => found === undefined)
    .map(({ name }): Block => ({ title: `PersistentVolumeClaim ${name}: not found`, fields: [] }));
  const gone: Block = { title: `Job ${target.namespace}/${target.kubeName}: not in the cluster`, fields: [] };
  return [
    ...stateBlock(target),
    ...(job === undefined ? [gone] : describeJob(job, pod)),
    ...pods.flatMap((one) => describePod(one)),
    ...(lastPod === undefined ? [] : describePod(lastPod, "last state before removal")),
    ...claims.flatMap(({ found }) => (found === undefined ? [] : describeClaim(found))),
    ...missing,
    ...volumes.flatMap(describePersistentVolume),
  ];
}

/** What this host's state says. */
function stateBlock({ id, workflow, directory, stored }: JobTarget): Block[] {
  if (stored === undefined) return [];
  const { status, reason, message, exitCode, created, submitted, started, ended, observed, image } = stored;
  const why = [reason, message].filter((part) => part !== null).join(": ");
  return [
    {
      title: `${id} of workflow ${workflow}, as recorded on this host`,
      fields: [
        ["status", why === "" || status === "COMPLETED" ? status : `${status} (${why})`],
        ["exit code", exitCode === null ? null : String(exitCode)],
        ["directory", directory],
        ["image", image],
        ["recorded", created],
        ["submitted", submitted],
        ["started", started],
        ["ended", ended],
        ["last seen", observed],
      ],
    },
  ];
}

function blocksOf(kind: Kind, object: KubernetesObject): Block[] {
  switch (kind) {
    case "pod":
      return describePod(object as V1Pod);
    case "job":
      return describeJob(object as V1Job, undefined);
    case "pvc":
      return describeClaim(object as V1PersistentVolumeClaim);
    case "pv":
      return describePersistentVolume(object as V1PersistentVolume);
    case "node":
      return describeNode(object as V1Node);
  }
}

function eventsText(io: Io, list: readonly CoreV1Event[]): string {
  return list.length === 0 ? "events: none\n" : `events\n${eventTable(list.map(listedEvent), io.now())}`;
}

function printJson(io: Io, document: object): number {
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  return 0;
}
