/** An answer with a field in every object, and a condition in every list of them, that no version of today knows. */
export function fromTheFuture(value: object): object {
  if (Array.isArray(value)) return value.map((item) => (typeof item === "object" && item !== null ? fromTheFuture(item) : item));
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (key === "labels" || key === "annotations" || typeof inner !== "object" || inner === null) return [key, inner];
    const changed = fromTheFuture(inner);
    const condition = { type: "Entangled", status: "Perhaps", weight: { grams: 21 } };
    return [key, key === "conditions" && Array.isArray(changed) ? [condition, ...changed] : changed];
  });
  return { ...Object.fromEntries(entries), "x-future": { since: "1.99", list: [1, null, { deep: true }] } };
}
