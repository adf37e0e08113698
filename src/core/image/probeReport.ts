/** What a probe job has reported (probe.sh). */
export interface ProbeReport {
  /** Whether it came to its end. */
  readonly isWhole: boolean;
  readonly has: ReadonlySet<string>;
  readonly lacks: ReadonlySet<string>;
  /** The other lines by their keys; of several of one key, the last. */
  readonly values: Readonly<Partial<Record<string, string>>>;
}

const LINE = /^gasw-k8s-probe: ([a-z-]+) ?(.*)$/;

/** Reads a report from all that the job has printed: what a node or an image adds of its own says nothing. */
export function readReport(lines: readonly string[]): ProbeReport {
  const pairs = lines.flatMap((line) => {
    const [, key, value = ""] = LINE.exec(line.trimEnd()) ?? [];
    return key === undefined ? [] : [[key, value.trim()] as const];
  });
  const named = (wanted: string) => new Set(pairs.flatMap(([key, value]) => (key === wanted ? [value] : [])));
  const values = Object.fromEntries(pairs.filter(([key]) => key !== "has" && key !== "lacks"));
  return { isWhole: values.end !== undefined, has: named("has"), lacks: named("lacks"), values };
}
