/** What of a configuration may be shown. Pure. */
import { isRecord } from "./generations.ts";
import { isSecretPath } from "./problems.ts";

/** Stands for a value that is not shown. */
export const MASK = "***";

/** Hides the credentials in a URL. */
export function maskUrl(text: string): string {
  return text.replace(/(:\/\/)[^/@\s]+@/g, `$1${MASK}@`);
}

/** A copy without secrets: tokens, values of environments, credentials in URLs. */
export function maskSecrets(value: unknown, path: readonly (string | number)[] = []): unknown {
  if (Array.isArray(value)) return value.map((item, index) => maskSecrets(item, [...path, index]));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, maskSecrets(below, [...path, name])]));
  if (value === undefined || value === null) return value;
  if (isShown(path)) return typeof value === "string" ? maskUrl(value) : value;
  return MASK;
}

/** Of containers only what is given to their environment is secret; their names and images are not. */
function isShown(path: readonly (string | number)[]): boolean {
  const isContainer = path[0] === "initContainers" || path[0] === "sidecars";
  return isContainer ? !(path[2] === "env" && path.at(-1) === "value") : !isSecretPath(path);
}
