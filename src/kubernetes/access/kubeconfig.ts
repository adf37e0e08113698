import path from "node:path";
import { GaswError } from "../../errors.ts";
import {
  type KubeCluster,
  type KubeContext,
  type Kubeconfig,
  KubeconfigProblem,
  type KubeUser,
  parseKubeconfig,
} from "./kubeconfigText.ts";
import { exists, readNamed } from "./namedFile.ts";
import type { AccessSettings, Target } from "./settings.ts";

/** An entry, and the file that it is from. */
interface Entry<T> {
  readonly file: string;
  readonly value: T;
}

/** Several kubeconfigs as one. */
interface Merged {
  readonly files: readonly string[];
  readonly clusters: ReadonlyMap<string, Entry<KubeCluster>>;
  readonly users: ReadonlyMap<string, Entry<KubeUser>>;
  readonly contexts: ReadonlyMap<string, Entry<KubeContext>>;
  readonly currentContext: string;
}

/**
 * The cluster and the user of the context that is asked for, else of the current one, in files of which the
 * first to name a thing decides, as kubectl merges them.
 * @param key where the files are named
 * @throws GaswError CONFIG
 */
export function fromFiles(files: readonly string[], key: string, settings: AccessSettings): Target {
  const present = files.filter(exists);
  // Where all are missing, the first one says so.
  const merged = merge(
    (present.length > 0 ? present : files).map((file) => [file, parseFile(file, key)] as const),
  );
  const context = settings.k8sContext ?? merged.currentContext;
  const chosen = merged.contexts.get(context)?.value;
  const cluster = merged.clusters.get(chosen?.cluster ?? "");
  const user = merged.users.get(chosen?.user ?? "");
  if (chosen === undefined || cluster === undefined || user === undefined)
    throw contextError(merged, context, settings);
  if (cluster.value.server === "")
    throw new GaswError("CONFIG", `${cluster.file}: cluster "${chosen.cluster}" has no server`, {
      hint: 'add its address, such as server: "https://host:6443"',
    });
  return {
    context,
    namespace: namespaceOf(merged, context),
    origin: key,
    files,
    reread: (again) => fromFiles(files, key, again),
    cluster: { ...withPaths(cluster, ["caFile"]), name: chosen.cluster, file: cluster.file },
    user: {
      ...withCommand(withPaths(user, ["certFile", "keyFile", "tokenFile"]), user.file),
      name: chosen.user,
      file: user.file,
    },
  };
}

/**
 * Reads a kubeconfig.
 * @throws GaswError CONFIG
 */
function parseFile(file: string, key: string): Kubeconfig {
  const text = readNamed(file, key);
  const refuse = (why: string) =>
    new GaswError("CONFIG", `${file} is not a kubeconfig: ${why}`, {
      hint: `set ${key} to a kubeconfig; check it with: kubectl config view --kubeconfig ${file}`,
    });
  try {
    return parseKubeconfig(text);
  } catch (error) {
    if (error instanceof KubeconfigProblem) throw refuse(error.message);
    throw error;
  }
}

function merge(parts: readonly (readonly [file: string, part: Kubeconfig])[]): Merged {
  const first = <T>(list: (part: Kubeconfig) => ReadonlyMap<string, T>): Map<string, Entry<T>> => {
    const entries = new Map<string, Entry<T>>();
    for (const [file, part] of parts)
      for (const [name, value] of list(part)) if (!entries.has(name)) entries.set(name, { file, value });
    return entries;
  };
  return {
    files: parts.map(([file]) => file),
    clusters: first((part) => part.clusters),
    users: first((part) => part.users),
    contexts: first((part) => part.contexts),
    currentContext: parts.map(([, part]) => part.currentContext).find((name) => name !== "") ?? "",
  };
}

/** A file's paths are relative to its own folder. */
function withPaths<T extends KubeCluster | KubeUser>(
  { file, value }: Entry<T>,
  keys: readonly (keyof T)[],
): T {
  const paths = keys
    .filter((key) => value[key] !== "")
    .map((key) => [key, path.resolve(path.dirname(file), value[key] as string)]);
  return { ...value, ...Object.fromEntries(paths) };
}

/** So is a login command that is named with a slash; any other is looked for in PATH. */
function withCommand(user: KubeUser, file: string): KubeUser {
  const { exec } = user;
  if (exec === undefined || !exec.command.includes("/")) return user;
  return { ...user, exec: { ...exec, command: path.resolve(path.dirname(file), exec.command) } };
}

function namespaceOf({ contexts }: Merged, name: string): string | undefined {
  const { file, value } = contexts.get(name) as Entry<KubeContext>;
  if (value.namespace === "") return undefined;
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value.namespace)) return value.namespace;
  throw new GaswError("CONFIG", `${file}: the namespace of context "${name}" is not a valid name`, {
    hint: "correct it with: kubectl config set-context CONTEXT --namespace NAMESPACE",
  });
}

/** What is missing in a kubeconfig without a usable context. */
function contextError(merged: Merged, context: string, settings: AccessSettings): GaswError {
  const { contexts, clusters, files } = merged;
  const names = [...contexts.keys()];
  const where = settings.k8sKubeConfig ?? "the kubeconfig";
  if (names.length === 0 && clusters.size === 0)
    return new GaswError(
      "CONFIG",
      `${files.join(", ")} is not a kubeconfig: it lists no cluster and no context`,
      {
        hint: `check it with: kubectl config view --kubeconfig ${files[0]}`,
      },
    );
  const hint =
    names.length === 0
      ? "add a context to the file"
      : `set k8sContext (or --context) to one of: ${names.join(", ")}`;
  if (context === "") return new GaswError("CONFIG", `${where} has no current context`, { hint });
  const known = contexts.get(context)?.value;
  if (known === undefined) return new GaswError("CONFIG", `${where} has no context "${context}"`, { hint });
  const [kind, name] = clusters.has(known.cluster) ? ["user", known.user] : ["cluster", known.cluster];
  const says = name === "" ? `names no ${kind}` : `refers to the ${kind} "${name}", which does not exist`;
  return new GaswError("CONFIG", `context "${context}" of ${where} ${says}`, {
    hint: "add it to the file, or set k8sContext (or --context) to another context",
  });
}
