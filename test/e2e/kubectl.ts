import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ApiError, ask, isKnownKind, pathOf } from "./kube.ts";

const OPTIONS = {
  all: { type: "boolean" },
  cascade: { type: "string" },
  force: { type: "boolean" },
  "grace-period": { type: "string" },
  "ignore-not-found": { type: "boolean" },
  l: { type: "string", short: "l" },
  n: { type: "string", short: "n" },
  overwrite: { type: "boolean" },
  p: { type: "string", short: "p" },
  subresource: { type: "string" },
  type: { type: "string" },
  wait: { type: "string" },
} as const;

type Options = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

/** Milliseconds between two looks whether something is gone. */
const LOOK_MS = 50;
const PATIENCE_MS = 300_000;

/**
 * What kubectl does for these arguments, where they are of the kind that most tests need: a process of kubectl's for each takes a fifth of a
 * second of a core.
 * @returns whether that was done
 */
export async function kubectlHere(args: readonly string[]): Promise<boolean> {
  const [verb = "", kinds = ""] = args;
  if (!(verb in VERBS) || !kinds.split(",").every(isKnownKind)) return false;
  const { values, positionals } = parse(args.slice(2));
  for (const kind of kinds.split(",")) await VERBS[verb]?.(kind, positionals, values);
  return true;
}

const VERBS: Readonly<Record<string, (kind: string, names: readonly string[], options: Options) => Promise<void>>> = {
  create: async (kind, names, { n }) => {
    for (const name of names) await ask("POST", pathOf(kind, n), { metadata: { name } });
  },
  patch: async (kind, [name], { n, p = "", type = "strategic", subresource }) => {
    const media = { json: "json-patch", merge: "merge-patch", strategic: "strategic-merge-patch" }[type];
    const path = `${pathOf(kind, n, name)}${subresource === undefined ? "" : `/${subresource}`}`;
    await ask("PATCH", path, JSON.parse(p), `application/${media}+json`);
  },
  annotate: async (kind, [name, ...changes], { n }) => {
    const annotations = Object.fromEntries(changes.map((one) => (one.endsWith("-") ? [one.slice(0, -1), null] : assignment(one))));
    await ask("PATCH", pathOf(kind, n, name), { metadata: { annotations } }, "application/merge-patch+json");
  },
  delete: async (kind, names, options) => {
    const meant = options.all === true || options.l !== undefined ? await named(kind, options) : names;
    await Promise.all(meant.map((name) => remove(pathOf(kind, options.n, name), options)));
  },
};

function assignment(text: string): [string, string] {
  const [name = "", ...value] = text.split("=");
  return [name, value.join("=")];
}

async function named(kind: string, { n, l }: Options): Promise<string[]> {
  const selector = l === undefined ? "" : `?labelSelector=${encodeURIComponent(l)}`;
  const { items } = await ask("GET", `${pathOf(kind, n)}${selector}`);
  return items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
}

async function remove(path: string, options: Options): Promise<void> {
  const { cascade = "background", "grace-period": grace, wait = "true" } = options;
  const propagationPolicy = `${cascade[0]?.toUpperCase()}${cascade.slice(1)}`;
  const isOptional = options["ignore-not-found"] === true || options.all === true || options.l !== undefined;
  const before = await found(path);
  if (before === undefined && isOptional) return;
  await ask("DELETE", path, { propagationPolicy, ...(grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }) }).catch(
    (error: unknown) => {
      if (!(isOptional && isNotFound(error))) throw error;
    },
  );
  const deadline = Date.now() + PATIENCE_MS;
  while (wait !== "false" && (await found(path))?.metadata.uid === before?.metadata.uid && before !== undefined) {
    if (Date.now() > deadline) throw new Error(`${path} is still there`);
    await sleep(LOOK_MS);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: any object
async function found(path: string): Promise<any> {
  return await ask("GET", path).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
}

function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** Makes an object, or changes it, as the tests say it is to be (server-side apply). */
export async function applyHere(object: {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}): Promise<void> {
  const { apiVersion = "", kind = "", metadata: { name, namespace } = {} } = object;
  const api = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const plural = kind.toLowerCase().replace(/y$/, "ie").replace(/s$/, "se");
  const path = `${api}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}s/${name}`;
  await ask("PATCH", `${path}?fieldManager=tests&force=true`, object, "application/apply-patch+yaml");
}
