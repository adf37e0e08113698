/** Plain data with its secrets hidden. */
import { isSecretName, MASK, maskMountOptions, maskText, maskWords } from "../secrets.ts";

/** The whole object again, as it was applied: with its values. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

type Path = readonly (string | number)[];

/**
 * A copy of a Kubernetes object without what only machines read, and with its secrets hidden: the values of
 * all environment variables first.
 */
export function masked<T>(object: T): T {
  return hideSecrets(object, { isLeftOut: (name) => name === "managedFields" || name === LAST_APPLIED });
}

interface Rules {
  /** Whether what stands there is a secret, beside what its name or its own text shows to be one. */
  readonly isSecret?: (path: Path) => boolean;
  readonly isLeftOut?: (name: string) => boolean;
}

/** A copy of plain data without secrets; whatever holds one, a list or an object too, keeps its form. */
export function hideSecrets<T>(value: T, rules: Rules = {}): T {
  return copy(value, [], rules) as T;
}

function copy(value: unknown, path: Path, rules: Rules): unknown {
  if (Array.isArray(value)) return copyList(value, path, rules);
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    const kept = Object.entries(value).filter(([name]) => rules.isLeftOut?.(name) !== true);
    return Object.fromEntries(kept.map(([name, below]) => [name, copy(below, [...path, name], rules)]));
  }
  if (value === undefined || value === null || typeof value === "boolean") return value;
  if (isSecretPlace(path) || rules.isSecret?.(path) === true) return MASK;
  if (typeof value !== "string") return value;
  return nameAt(path) === "mountOptions" ? maskMountOptions(value) : maskText(value);
}

function copyList(list: readonly unknown[], path: Path, rules: Rules): unknown[] {
  const isCommandLine =
    /^(command|args)$/.test(nameAt(path)) && list.every((word) => typeof word === "string");
  return isCommandLine
    ? maskWords(list as string[])
    : list.map((item, index) => copy(item, [...path, index], rules));
}

/** The value of an environment variable, and what is called a secret. */
function isSecretPlace(path: Path): boolean {
  const name = nameAt(path);
  return (name === "value" && path.includes("env")) || isSecretName(name);
}

/** The name of the nearest field that holds what stands there. */
function nameAt(path: Path): string {
  return String(path.findLast((segment) => typeof segment === "string") ?? "");
}
