import { maskText } from "./core/secrets.ts";

/** What failed, as a program sees it (`error.code` in JSON output). */
export type ErrorCode =
  | "FAILURE"
  | "USAGE"
  | "CONFIG"
  | "CLUSTER"
  | "VOLUME_NOT_READY"
  | "NOT_FOUND"
  | "CONFLICT"
  | "DATABASE"
  | "TIMEOUT"
  | "INTERRUPTED";

/** The process's exit code for each. */
export const EXIT_CODES: Record<ErrorCode, number> = {
  FAILURE: 1,
  USAGE: 2,
  CONFIG: 3,
  CLUSTER: 4,
  VOLUME_NOT_READY: 5,
  NOT_FOUND: 6,
  CONFLICT: 7,
  DATABASE: 8,
  TIMEOUT: 124,
  INTERRUPTED: 130,
};

/**
 * The one error type that reaches the user: one line saying what failed and for which object, and a hint
 * saying what to do. Both may quote somebody else's text, whose secrets are hidden. Anything else that is
 * thrown is a bug and is shown as such.
 */
export class GaswError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(maskText(message), { cause: options.cause });
    this.name = "GaswError";
    this.code = code;
    this.hint = maskText(options.hint);
  }

  /** The process's exit status for this error. */
  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node.js system error (`ENOENT`, `EACCES`, …), where there is one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * Any error in the form that reaches the user; one that nobody has words for is a bug, and is told with what
 * to send along.
 */
export function asGaswError(error: unknown): GaswError {
  if (error instanceof GaswError) return error;
  return new GaswError("FAILURE", messageOf(error), {
    hint: `report this bug in gasw-k8s with the command, \`gasw-k8s --version\` and this trace: ${traceOf(error)}`,
    cause: error,
  });
}

/**
 * The calls that led to an error, by function, file and line; where the program was built or installed is
 * nobody's business.
 */
function traceOf(error: unknown): string {
  const calls =
    error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
  return calls.map((line) => line.trim().replace(/(?:file:\/\/)?\/[^():]*\//, "")).join(" ") || "none";
}
