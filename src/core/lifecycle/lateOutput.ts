import type { LocalStatus } from "../job.ts";
import { failure } from "./judge.ts";
import { decided } from "./make.ts";
import type { AttemptRecord } from "./record.ts";
import type { Written } from "./round.ts";

/** The ends of which an output may say something else. */
const OUTPUT_DECIDES: ReadonlySet<LocalStatus> = new Set([
  "COMPLETED",
  "ERROR",
  "STALLED",
  "ERROR_HELD",
  "STALLED_HELD",
]);

/**
 * What an end that was decided without all of the job's output comes to, when that is there. An invocation
 * that was told of already is not told again: the store tells each once.
 * @param code that the output states
 */
export function withLateOutput(
  job: Pick<AttemptRecord, "status" | "exitCode">,
  code: number | undefined,
): Written & { readonly message: string } {
  const status = statusWith(job, code);
  const message = `its output arrived after it was reported as ${job.status}${code === undefined ? "" : ` and shows exit code ${code}`}`;
  const reason = status === "COMPLETED" ? "Completed" : "Error";
  const change = {
    outputLate: false,
    exitCode: code ?? job.exitCode,
    message,
    ...(status === job.status ? {} : { status: decided(status), reason }),
  };
  return { change, notes: status === "COMPLETED" ? [{ kind: "announce" }] : [], message };
}

/** What somebody has decided stays. */
function statusWith(
  { status, exitCode }: Pick<AttemptRecord, "status" | "exitCode">,
  code: number | undefined,
): LocalStatus {
  if (code === undefined || !OUTPUT_DECIDES.has(status)) return status;
  if (code === 0 && (exitCode ?? 0) === 0) return "COMPLETED";
  return status === "COMPLETED" ? failure(code) : status;
}
