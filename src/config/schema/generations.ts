/** The three generations of the plugin's keys, read as the canonical (second) one. Pure. */

/** Earlier and later spellings of a key, as dotted paths. */
const OTHER_SPELLINGS: Readonly<Record<string, string>> = {
  k8s_address: "k8sAddress",
  k8s_token: "k8sToken",
  k8s_namespace: "k8sNamespace",
  nfs_address: "nfsAddress",
  nfs_path: "nfsPath",
  "options.ttlJobInSeconds": "options.ttlJob",
  "options.statusRetryWaitInMillis": "options.statusRetryWait",
  "options.timeToVolumeBeReadyInSeconds": "options.bindTimeout",
};

/** Every other spelling, with the key it means. */
export const otherSpellings: readonly (readonly [spelling: string, key: string])[] =
  Object.entries(OTHER_SPELLINGS);

/** A file's values under canonical keys. */
export interface Modernised {
  readonly values: Record<string, unknown>;
  /** Canonical key → the spelling found in the file, where it is another one. */
  readonly spelledAs: ReadonlyMap<string, string>;
  /** Keys given in two spellings with different values. */
  readonly conflicts: readonly { readonly key: string; readonly spelling: string }[];
}

/** Moves every other spelling to its canonical key. */
export function modernise(raw: Readonly<Record<string, unknown>>): Modernised {
  const values: Record<string, unknown> = isRecord(raw.options)
    ? { ...raw, options: { ...raw.options } }
    : { ...raw };
  const spelledAs = new Map<string, string>();
  const conflicts: { key: string; spelling: string }[] = [];
  for (const [spelling, key] of otherSpellings) {
    const segments = spelling.split(".");
    const holder = segments.length === 1 ? values : values.options;
    const from = segments.at(-1) ?? "";
    const to = key.split(".").at(-1) ?? "";
    if (!isRecord(holder) || !Object.hasOwn(holder, from)) continue;
    if (!Object.hasOwn(holder, to)) {
      holder[to] = holder[from];
      spelledAs.set(key, spelling);
    } else if (String(holder[to]) !== String(holder[from])) {
      conflicts.push({ key, spelling });
    }
    delete holder[from];
  }
  return { values, spelledAs, conflicts };
}

/** Whether it is an object with keys, and not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
