/**
 * Durations as people write them, as seconds. Read here since the libraries read another language: ms takes no
 * "1h30m", parse-duration whatever has a number in it.
 */

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const PLAIN_NUMBER = /^\d+(?:\.\d+)?$/;

/**
 * Seconds of "90s", "15m", "1h30m", "500ms", "1d", or of a plain number (or its text), which counts in
 * `plainUnit`. Undefined for anything else, negative numbers included.
 */
export function parseDuration(value: unknown, plainUnit: "s" | "ms" = "s"): number | undefined {
  const scale = plainUnit === "ms" ? 0.001 : 1;
  if (typeof value === "number")
    return Number.isFinite(value) && value >= 0 ? tidy(value * scale) : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (PLAIN_NUMBER.test(text)) return tidy(Number(text) * scale);
  if (!DURATION.test(text)) return undefined;
  let seconds = 0;
  for (const [, number, unit = "s"] of text.matchAll(PART)) seconds += Number(number) * (SECONDS[unit] ?? 1);
  return tidy(seconds);
}

/** Rounds to a microsecond, so that 0.1 + 0.2 stays 0.3. */
function tidy(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
