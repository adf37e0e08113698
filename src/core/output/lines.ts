/**
 * Sections of GASW's scripts that are looked at, in the order in which they come; each stands on stdout and
 * on stderr alike.
 */
export const SECTIONS = [
  "upload_test",
  "inputs_download",
  "application_execution",
  "results_upload",
] as const;

export type Section = (typeof SECTIONS)[number];

/** The line that begins or ends a section. */
export interface Marker {
  readonly section: Section;
  readonly opens: boolean;
  /** Where it begins in the line: what was printed without a line break at its end stands before it. */
  readonly at: number;
}

/** What every marker ends with, but for blanks. */
const MARKER = new RegExp(`<(/?)(${SECTIONS.join("|")})>[ \\t\\r\\n]*$`);

/** The marker at the end of a line. */
export function markerIn(line: string): Marker | undefined {
  const match = MARKER.exec(line);
  return match === null
    ? undefined
    : { section: match[2] as Section, opens: match[1] === "", at: match.index };
}

const CLEANUP = "<cleanup>";
const NEWLINE = "\n".charCodeAt(0);
const SPACE = " ".charCodeAt(0);

/**
 * Where the last line begins with which GASW's scripts say that they clean up. They do so at their exit, wherever that
 * is: also within a section.
 * @param bytes whole lines
 */
export function cleanupAt(bytes: Buffer): number | undefined {
  for (
    let at = bytes.lastIndexOf(CLEANUP);
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf(CLEANUP, at - 1)
  ) {
    const end = bytes.indexOf(NEWLINE, at);
    const after = bytes.subarray(at + CLEANUP.length, end < 0 ? undefined : end);
    if ((at === 0 || bytes[at - 1] === NEWLINE) && after.every((byte) => byte <= SPACE)) return at;
  }
  return undefined;
}

/** Every line by which GASW's scripts tell in what stage they are. */
const STAGE_LINE = new RegExp(`^</?(?:header|host_config|cleanup|${SECTIONS.join("|")})>$`);

/** Whether a line tells in what stage a script is, and nothing else. */
export function isStageLine(line: string): boolean {
  return STAGE_LINE.test(line.trim());
}

/**
 * What the functions `info`, `warning` and `error` of GASW's scripts print first: `[ INFO - Tue Jan 28
 * 13:27:49 UTC 2025 ] `.
 */
const LOG_PREFIX = String.raw`(?:^|\[ (?:INFO|WARN|ERROR) - [^\]]{0,64} \] )`;

/** Part of every line that states a return code. */
export const RETURN_TEXT = "Exiting with return value";

/** A longer number is no return code, and such a line tells nothing. */
const RETURN_LINE = new RegExp(`${LOG_PREFIX}${RETURN_TEXT} (-?\\d{1,9})\\s*$`);

/** The return code that a line states, as GASW's scripts do at their end. */
export function returnCodeIn(line: string): number | undefined {
  const code = RETURN_LINE.exec(line)?.[1];
  return code === undefined ? undefined : Number(code);
}

/** How long a job spent on what, in seconds. */
export interface Timings {
  readonly downloadSeconds?: number;
  readonly executionSeconds?: number;
  readonly uploadSeconds?: number;
}

// More than nine digits is a time since 1970, which a script prints that left a step out.
const TIMING_LINE = new RegExp(
  `${LOG_PREFIX}(Input download|Execution|Results upload) time: (\\d{1,9}(?:\\.\\d{1,9})?) seconds\\s*$`,
);

const TIMING_FIELDS: Readonly<Record<string, keyof Timings>> = {
  "Input download": "downloadSeconds",
  Execution: "executionSeconds",
  "Results upload": "uploadSeconds",
};

/** The length of time that a line states. */
export function timingIn(line: string): Timings | undefined {
  const [, what = "", seconds] = TIMING_LINE.exec(line) ?? [];
  const field = TIMING_FIELDS[what];
  return field === undefined ? undefined : { [field]: Number(seconds) };
}

/** A result that a job uploaded. */
export interface Upload {
  /** The output's id in the Boutiques descriptor. */
  readonly id: string;
  readonly uri: string;
}

const DOWNLOAD = "<file_download uri=";

/** The URI that a line in `inputs_download` names: `<file_download uri=URI>`, without quotes. */
export function downloadIn(line: string): string | undefined {
  return line.startsWith(DOWNLOAD) && line.endsWith(">")
    ? line.slice(DOWNLOAD.length, -1) || undefined
    : undefined;
}

const UPLOAD = "<file_upload id=";
const UPLOAD_URI = " uri=";

/**
 * The upload that a line in `results_upload` names: `<file_upload id=ID uri=URI>`, without quotes.
 * @param lfcHost host of the grid's file catalogue, on which bare paths are; without one, they are local
 */
export function uploadIn(line: string, lfcHost: string | undefined): Upload | undefined {
  // An id may have anything in it: the last ` uri=` counts.
  const uriAt = line.lastIndexOf(UPLOAD_URI);
  if (!line.startsWith(UPLOAD) || !line.endsWith(">") || uriAt < UPLOAD.length) return undefined;
  const id = line.slice(UPLOAD.length, uriAt);
  const uri = line.slice(uriAt + UPLOAD_URI.length, -1);
  if (uri === "") return undefined;
  if (/^\w[\w+.-]*:\//.test(uri)) return { id, uri };
  return { id, uri: lfcHost === undefined ? `file://${uri}` : `lfn://${lfcHost}${uri}` };
}
