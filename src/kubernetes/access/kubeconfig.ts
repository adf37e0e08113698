import path from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import {
  type Cluster,
  type Context as KubeContext,
  newClusters,
  newContexts,
  newUsers,
} from "@kubernetes/client-node/dist/config_types.js";
import { load } from "js-yaml";
import { GaswError, messageOf } from "../../errors.ts";
import type { KubeUser } from "./identity.ts";
import { readNamed } from "./namedFile.ts";
import type { AccessSettings, Found } from "./settings.ts";

/** Several files make one, in which the first to name a thing decides (as kubectl merges them). */
export function fromFiles(files: readonly string[], key: string, settings: AccessSettings): Found {
  const parts = files.map((file) => loadFile(file, key));
  const first = <T extends { readonly name: string }>(lists: readonly (readonly T[])[]): T[] => [
    ...new Map(
      lists
        .flat()
        .reverse()
        .map((item) => [item.name, item]),
    ).values(),
  ];
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: first(parts.map((part) => part.getClusters())),
    users: first(parts.map((part) => part.getUsers())),
    contexts: first(parts.map((part) => part.getContexts())),
    currentContext: settings.k8sContext ?? parts.map((part) => part.getCurrentContext()).find((name) => name),
  });
  return { kubeConfig, context: kubeConfig.getCurrentContext() };
}

function loadFile(file: string, key: string): KubeConfig {
  const text = readNamed(file, key);
  const kubeConfig = new KubeConfig();
  const refuse = (why: string) =>
    new GaswError("CONFIG", `${file} is not a kubeconfig: ${why}`, {
      hint: `set ${key} to a kubeconfig; check it with: kubectl config view --kubeconfig ${file}`,
    });
  if (text.trim() === "") throw refuse("it is empty");
  try {
    kubeConfig.loadFromOptions(parse(text, path.dirname(file)));
    kubeConfig.makePathsAbsolute(path.dirname(file));
  } catch (error) {
    throw refuse(parseFailure(error));
  }
  if (kubeConfig.getClusters().length === 0 && kubeConfig.getContexts().length === 0)
    throw refuse("it lists no cluster and no context");
  return kubeConfig;
}

/** A kubeconfig's parts as the library has them, and of the users all that it leaves out. */
function parse(
  text: string,
  folder: string,
): { clusters: Cluster[]; users: KubeUser[]; contexts: KubeContext[]; currentContext: string } {
  const raw = load(text) as {
    clusters?: unknown;
    users?: unknown;
    contexts?: unknown;
    "current-context": string;
  };
  const givenUsers = Array.isArray(raw.users)
    ? (raw.users as { user?: Record<string, unknown> | null }[])
    : [];
  const users = newUsers(raw.users).map((user, index): KubeUser => {
    const given = givenUsers[index]?.user ?? {};
    const { tokenFile } = given;
    return {
      ...user,
      given: typeof tokenFile === "string" ? { ...given, tokenFile: path.resolve(folder, tokenFile) } : given,
    };
  });
  return {
    clusters: newClusters(raw.clusters),
    users,
    contexts: newContexts(raw.contexts),
    currentContext: raw["current-context"],
  };
}

/** What is wrong with a kubeconfig's text, without the parser's quotation of it: a token may stand there. */
function parseFailure(error: unknown): string {
  const { reason, mark } = error as { reason?: string; mark?: { line: number; column: number } };
  if (reason === undefined || mark === undefined) return messageOf(error).split("\n")[0] ?? "";
  return `line ${mark.line + 1}, column ${mark.column + 1}: ${reason.replace(/[\s!:]*["'<!:].*/s, "")}`;
}

/** What is missing in a kubeconfig without a usable context. */
export function contextError(kubeConfig: KubeConfig, settings: AccessSettings): GaswError {
  const current = kubeConfig.getCurrentContext();
  const known = kubeConfig.getContextObject(current);
  const names = kubeConfig.getContexts().map((context) => context.name);
  const where = settings.k8sKubeConfig ?? "the kubeconfig";
  const hint =
    names.length === 0
      ? "add a context to the file"
      : `set k8sContext (or --context) to one of: ${names.join(", ")}`;
  if (!current) return new GaswError("CONFIG", `${where} has no current context`, { hint });
  if (known === null) return new GaswError("CONFIG", `${where} has no context "${current}"`, { hint });
  const missing =
    kubeConfig.getCurrentCluster() === null ? `cluster "${known.cluster}"` : `user "${known.user}"`;
  return new GaswError(
    "CONFIG",
    `context "${current}" of ${where} refers to the ${missing}, which does not exist`,
    {
      hint: "add it to the file, or set k8sContext (or --context) to another context",
    },
  );
}
