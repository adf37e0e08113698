import { CORE_SCHEMA, loadAll, Type } from "js-yaml";

/** What a kubeconfig says of a cluster; paths as they are written. Empty text: not given. */
export interface KubeCluster {
  readonly server: string;
  readonly tlsServerName: string;
  readonly insecure: boolean;
  readonly caFile: string;
  readonly caData: Buffer | undefined;
  readonly proxyUrl: string;
  /** What is meant for login commands alone. */
  readonly execConfig: unknown;
}

/** How to log in by a command (client-go's `ExecConfig`). */
export interface ExecSettings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly apiVersion: string;
  readonly installHint: string;
  readonly provideClusterInfo: boolean;
  readonly interactiveMode: string;
}

/** What a kubeconfig says of a user; paths as they are written. Empty text: not given. */
export interface KubeUser {
  readonly token: string;
  readonly tokenFile: string;
  readonly username: string;
  readonly password: string;
  readonly certFile: string;
  readonly certData: Buffer | undefined;
  readonly keyFile: string;
  readonly keyData: Buffer | undefined;
  readonly as: string;
  readonly asUid: string;
  readonly asGroups: readonly string[];
  readonly asUserExtra: Readonly<Record<string, readonly string[]>>;
  readonly exec: ExecSettings | undefined;
  readonly authProvider: { readonly name: string; readonly config: Record<string, string> } | undefined;
}

export interface KubeContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace: string;
}

/** One file's content, by names. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, KubeCluster>;
  readonly users: ReadonlyMap<string, KubeUser>;
  readonly contexts: ReadonlyMap<string, KubeContext>;
  readonly currentContext: string;
}

/** What is wrong with a kubeconfig, without a word of what stands there: it may be a secret. */
export class KubeconfigProblem extends Error {}

type Fields = Readonly<Record<string, unknown>>;

const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;

/** YAML as Kubernetes' own parser reads it: `yes` and `on` are true, times are text. */
const YAML_1_1 = CORE_SCHEMA.extend({
  implicit: [
    new Type("tag:yaml.org,2002:merge", { kind: "scalar", resolve: (text: unknown) => text === "<<" }),
    new Type("tag:yaml.org,2002:bool", {
      kind: "scalar",
      resolve: (text: unknown) => typeof text === "string" && (TRUE.test(text) || FALSE.test(text)),
      construct: (text: string) => TRUE.test(text),
    }),
  ],
});

/** The first document of a text of YAML or JSON. @throws KubeconfigProblem */
export function parseYaml(text: string): unknown {
  try {
    return loadAll(text, null, { schema: YAML_1_1, json: true })[0];
  } catch (error) {
    const { reason = "not YAML", mark } = error as {
      reason?: string;
      mark?: { line: number; column: number };
    };
    const place = mark === undefined ? "" : `line ${mark.line + 1}, column ${mark.column + 1}: `;
    throw new KubeconfigProblem(place + reason.replace(/[\s!:]*["'<!:].*/s, ""));
  }
}

/**
 * Reads a kubeconfig as strictly as client-go: a field of another type, or a name that occurs twice, makes the
 * whole file invalid, wherever it stands; what is missing or unknown does no harm.
 * @throws KubeconfigProblem
 */
export function parseKubeconfig(text: string): Kubeconfig {
  const root = fieldsOf(parseYaml(text) ?? {}, "it");
  const [apiVersion, kind] = [textOf(root, "apiVersion", ""), textOf(root, "kind", "")];
  if (!["", "v1"].includes(apiVersion)) throw new KubeconfigProblem("its apiVersion is not v1");
  if (!["", "Config"].includes(kind)) throw new KubeconfigProblem("its kind is not Config");
  return {
    clusters: entriesOf(root, "clusters", "cluster", clusterOf),
    users: entriesOf(root, "users", "user", userOf),
    contexts: entriesOf(root, "contexts", "context", (fields, at) => ({
      cluster: textOf(fields, "cluster", at),
      user: textOf(fields, "user", at),
      namespace: textOf(fields, "namespace", at),
    })),
    currentContext: textOf(root, "current-context", ""),
  };
}

function entriesOf<T>(
  root: Fields,
  list: string,
  item: string,
  read: (fields: Fields, at: string) => T,
): Map<string, T> {
  const entries = new Map<string, T>();
  for (const [index, value] of listOf(root, list, "").entries()) {
    const at = `${list}[${index}].`;
    const entry = fieldsOf(value, at.slice(0, -1));
    const name = textOf(entry, "name", at);
    if (entries.has(name)) throw new KubeconfigProblem(`${at}name occurs twice`);
    entries.set(name, read(fieldsOf(entry[item], at + item), `${at}${item}.`));
  }
  return entries;
}

function clusterOf(fields: Fields, at: string): KubeCluster {
  flagOf(fields, "disable-compression", at);
  const extensions = listOf(fields, "extensions", at).map((one, index) =>
    fieldsOf(one, `${at}extensions[${index}]`),
  );
  return {
    server: textOf(fields, "server", at),
    tlsServerName: textOf(fields, "tls-server-name", at),
    insecure: flagOf(fields, "insecure-skip-tls-verify", at),
    caFile: textOf(fields, "certificate-authority", at),
    caData: bytesOf(fields, "certificate-authority-data", at),
    proxyUrl: textOf(fields, "proxy-url", at),
    execConfig: extensions.find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension,
  };
}

function userOf(fields: Fields, at: string): KubeUser {
  const isGiven = (name: string) => fields[name] !== undefined && fields[name] !== null;
  const inner = (name: string) => fieldsOf(fields[name], at + name);
  return {
    token: textOf(fields, "token", at),
    tokenFile: textOf(fields, "tokenFile", at),
    username: textOf(fields, "username", at),
    password: textOf(fields, "password", at),
    certFile: textOf(fields, "client-certificate", at),
    certData: bytesOf(fields, "client-certificate-data", at),
    keyFile: textOf(fields, "client-key", at),
    keyData: bytesOf(fields, "client-key-data", at),
    as: textOf(fields, "as", at),
    asUid: textOf(fields, "as-uid", at),
    asGroups: textsOf(fields, "as-groups", at),
    asUserExtra: Object.fromEntries(
      Object.keys(inner("as-user-extra")).map((key) => [
        key,
        textsOf(inner("as-user-extra"), key, `${at}as-user-extra.`),
      ]),
    ),
    exec: isGiven("exec") ? execOf(inner("exec"), `${at}exec.`) : undefined,
    authProvider: isGiven("auth-provider")
      ? providerOf(inner("auth-provider"), `${at}auth-provider.`)
      : undefined,
  };
}

function execOf(fields: Fields, at: string): ExecSettings {
  const apiVersion = textOf(fields, "apiVersion", at);
  const isBeta = apiVersion === "client.authentication.k8s.io/v1beta1";
  return {
    command: textOf(fields, "command", at),
    args: textsOf(fields, "args", at),
    env: listOf(fields, "env", at).map((one, index) => {
      const variable = fieldsOf(one, `${at}env[${index}]`);
      return {
        name: textOf(variable, "name", `${at}env[${index}].`),
        value: textOf(variable, "value", `${at}env[${index}].`),
      };
    }),
    apiVersion,
    installHint: textOf(fields, "installHint", at),
    provideClusterInfo: flagOf(fields, "provideClusterInfo", at),
    // Version 1 has it written out, as client-go does.
    interactiveMode: textOf(fields, "interactiveMode", at) || (isBeta ? "IfAvailable" : ""),
  };
}

function providerOf(fields: Fields, at: string): { name: string; config: Record<string, string> } {
  const config = fieldsOf(fields.config, `${at}config`);
  return {
    name: textOf(fields, "name", at),
    config: Object.fromEntries(Object.keys(config).map((key) => [key, textOf(config, key, `${at}config.`)])),
  };
}

function fieldsOf(value: unknown, at: string): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Fields;
  throw new KubeconfigProblem(`${at} is not a mapping`);
}

function listOf(fields: Fields, name: string, at: string): readonly unknown[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new KubeconfigProblem(`${at}${name} is not a list`);
}

/** A text; empty where there is none. */
export function textOf(fields: Fields, name: string, at: string): string {
  const value = fields[name] ?? "";
  if (typeof value === "string") return value;
  throw new KubeconfigProblem(`${at}${name} is not a string`);
}

function textsOf(fields: Fields, name: string, at: string): string[] {
  return listOf(fields, name, at).map((value, index) =>
    textOf({ [index]: value }, `${index}`, `${at}${name}.`),
  );
}

function flagOf(fields: Fields, name: string, at: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === "boolean") return value;
  throw new KubeconfigProblem(`${at}${name} is not true or false`);
}

function bytesOf(fields: Fields, name: string, at: string): Buffer | undefined {
  const text = textOf(fields, name, at).replace(/[\r\n]/g, "");
  if (text === "") return undefined;
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return Buffer.from(text, "base64");
  throw new KubeconfigProblem(`${at}${name} is not base64`);
}
