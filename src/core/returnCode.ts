import { markerIn, returnCodeIn } from "./outputLines.ts";

/** The last return code that a text states on a line of its own, as GASW's scripts do at their end. */
export function lastReturnCode(text: string): number | undefined {
  const lines = text.split("\n");
  for (let index = lines.length - 1; index >= 0; index--) {
    const code = returnCodeIn(lines[index] ?? "");
    if (code !== undefined) return code;
  }
  return undefined;
}

/**
 * The return code on a job's stdout: it counts only after the application section, since the application may print such a line itself.
 * @param text the end of the stream, or all of it
 * @param isWhole whether the text starts at the stream's beginning
 */
export function stdoutReturnCode(text: string, isWhole: boolean): number | undefined {
  // Where an application section may have begun and not ended, it hides whatever stands in it.
  let isHidden = !isWhole;
  let code: number | undefined;
  for (const line of text.split("\n")) {
    const marker = markerIn(line);
    if (marker?.section === "application_execution") [isHidden, code] = [marker.opens, undefined];
    else if (!isHidden) code = returnCodeIn(line) ?? code;
  }
  return code;
}
