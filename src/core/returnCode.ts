/** A longer number is no return code, and such a line tells nothing. */
const RETURN_LINE = /^Exiting with return value (-?\d{1,9})\s*$/;

/** The last return code that a text states on a line of its own, as GASW's scripts do at their end. */
export function lastReturnCode(text: string): number | undefined {
  const lines = text.split(/\r?\n/);
  for (let index = lines.length - 1; index >= 0; index--) {
    const match = RETURN_LINE.exec(lines[index] ?? "");
    if (match?.[1] !== undefined) return Number(match[1]);
  }
  return undefined;
}

const APPLICATION_END = "</application_execution>";

/**
 * The return code on a job's stdout: it counts only after the application section, since the application may print such a line itself.
 * @param text the end of the stream, or all of it
 * @param isWhole whether the text starts at the stream's beginning
 */
export function stdoutReturnCode(text: string, isWhole: boolean): number | undefined {
  const end = text.lastIndexOf(APPLICATION_END);
  if (end >= 0) return lastReturnCode(text.slice(end));
  // An application section that has begun and not ended hides whatever stands in it.
  return isWhole && !text.includes("<application_execution>") ? lastReturnCode(text) : undefined;
}
