const HIDDEN = "***";
/** The whole object again, as it was applied: with its values. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** A copy of a Kubernetes object without what only machines read, and with the values of all environment variables hidden. */
export function masked<T>(object: T): T {
  return copy(object, "") as T;
}

function copy(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.map((item) => (key === "env" ? hideValue(item) : copy(item, "")));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const kept = Object.entries(value).filter(([name]) => name !== "managedFields" && name !== LAST_APPLIED);
  return Object.fromEntries(kept.map(([name, item]) => [name, copy(item, name)]));
}

function hideValue(variable: unknown): unknown {
  if (typeof variable !== "object" || variable === null || !("value" in variable)) return variable;
  return { ...variable, value: HIDDEN };
}
