import type { LocalStatus } from "../job.ts";
import { failure } from "./judge.ts";
import { ended, leaving, over } from "./make.ts";
import type { AttemptRecord } from "./record.ts";
import type { Written } from "./round.ts";
import { type EndStatus, leftOf, type Stage } from "./stage.ts";

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
  { stage, exitCode }: Pick<AttemptRecord, "stage" | "exitCode">,
  code: number | undefined,
): Written & { readonly change: { readonly stage: Stage }; readonly message: string } {
  const end = code === undefined ? undefined : endWith(stage, exitCode, code);
  const message = `its output arrived after it was reported as ${stage.status}${code === undefined ? "" : ` and shows exit code ${code}`}`;
  const change = {
    stage: leaving(end === undefined ? stage : endedAs(stage, end), { outputLate: false }),
    exitCode: code ?? exitCode,
    message,
    ...(end === undefined ? {} : { reason: end === "COMPLETED" ? "Completed" : "Error" }),
  };
  return { change, notes: change.stage.status === "COMPLETED" ? [{ kind: "announce" }] : [], message };
}

/** The end that an output shows, where that is another one; what somebody has decided stays. */
function endWith({ status }: Stage, exitCode: number | null, code: number): EndStatus | undefined {
  if (!OUTPUT_DECIDES.has(status)) return undefined;
  const isSuccess = code === 0 && (exitCode ?? 0) === 0;
  if (isSuccess === (status === "COMPLETED")) return undefined;
  return isSuccess ? "COMPLETED" : failure(code);
}

/** Whoever has seen to the first end has seen to this one; one that has completed is held no more. */
function endedAs(stage: Stage, status: EndStatus): Stage {
  const noted = stage.name === "ended" || stage.name === "over" ? stage.noted : null;
  return stage.name === "ended" ? ended(status, stage, noted) : over(status, leftOf(stage), noted);
}
