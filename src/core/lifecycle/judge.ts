import { CANCELLED_CODE } from "../gasw/exitCode.ts";
import type { LocalStatus } from "../job.ts";
import type { Decision, OwnWords } from "./decision.ts";
import { type Ending, isStop } from "./ending.ts";
import type { EndRecord } from "./endRecord.ts";

/** How a Job that is gone ended, as far as the cluster tells. */
export const GONE: Ending = {
  reason: "Gone",
  message: "the Job no longer exists (deleted, or expired) and its output does not show how it ended",
  byCluster: true,
  stopped: false,
};

export const POD_GONE: Omit<Ending, "message"> = { reason: "PodGone", byCluster: true, stopped: false };

/** An end that nobody saw. */
export function unseen(still: Decision, ending: Ending, own: OwnWords): Decision {
  const judged = judge(own.hasCompleted === true ? { ...ending, exitCode: 0 } : ending, own);
  const ended =
    own.record === undefined ? {} : { finishedAt: new Date(own.record.endedAt * 1000).toISOString() };
  if (judged.status === "STALLED") return { ...still, ...ended, ...judged };
  const source = own.record === undefined ? "the cluster's events" : "its pod's record";
  const by = own.code === undefined ? source : "the job's output";
  return { ...still, ...ended, ...judged, message: `its pod no longer exists: according to ${by}` };
}

/**
 * How a job ended, from all evidence. A code that was measured counts more than the record, the record more
 * than other signs; the code that the output states must not contradict it. A 0 after a stop is a success
 * only where the output says so.
 */
export function judge(
  ending: Ending,
  words: OwnWords,
): Pick<Decision, "status" | "reason" | "message" | "exitCode" | "warning"> {
  const own = ending.began === false ? { record: words.record } : words;
  const record = ending.record ?? own.record;
  const ended = ending.exitCode ?? record?.code;
  const exitCode = own.code ?? ended;
  // What has been recorded without a signal ended by itself, whatever came afterwards.
  const stopped = record === undefined ? ending.stopped : record.signal !== undefined;
  const code = ended ?? (ending.byCluster ? own.code : undefined);
  const completed = code === 0 && (own.code ?? (stopped ? undefined : 0)) === 0;
  // What it says of its own end counts where the cluster saw none.
  const endedItself =
    ending.exitCode === undefined &&
    (record === undefined ? own.code !== undefined : record.signal === undefined);
  const isStalled = ending.byCluster
    ? !endedItself
    : exitCode === 0 && own.code === undefined && ending.reason !== "DeadlineExceeded";
  const status: LocalStatus = completed ? "COMPLETED" : isStalled ? "STALLED" : failure(exitCode);
  const warning = disagreement(ending.exitCode, record) ?? words.doubt;
  return {
    status,
    ...reasonOf(ending, record, status, endedItself),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(warning === undefined ? {} : { warning }),
  };
}

function reasonOf(
  ending: Ending,
  record: EndRecord | undefined,
  status: LocalStatus,
  endedItself: boolean,
): Pick<Decision, "reason" | "message"> {
  const message = ending.message === "" ? null : ending.message;
  if (status === "COMPLETED") return { reason: "Completed", message };
  if (endedItself && status === "ERROR") return { reason: "Error", message };
  if (status === "STALLED" && ending.reason === "Completed") {
    const by = record?.signal === undefined ? "" : ` by ${record.signal}`;
    return {
      reason: "Stopped",
      message: `it was stopped${by} and exited with 0; its output does not show that it had finished`,
    };
  }
  return { reason: ending.reason === "Completed" ? "Error" : ending.reason, message };
}

function disagreement(measured: number | undefined, record: EndRecord | undefined): string | undefined {
  if (measured === undefined || record === undefined || record.code === measured) return undefined;
  return `its container exited with ${measured}, but its wrapper recorded ${record.code}: using the container's exit code`;
}

/**
 * Whether nothing tells how an attempt ended that is STALLED: no exit code is known, and it was not made to stop. By
 * what is stored of it, since another command may have seen its end.
 */
export function isUnknownEnd({ exitCode, reason }: KnownEnd): boolean {
  return (exitCode ?? null) === null && !isStop(reason ?? "");
}

/** What is known of an end. */
interface KnownEnd {
  readonly exitCode?: number | null | undefined;
  readonly reason?: string | null | undefined;
}

/** A job that states itself that it was cancelled has not failed. */
export function failure(exitCode: number | undefined): "CANCELLED" | "ERROR" {
  return exitCode === CANCELLED_CODE ? "CANCELLED" : "ERROR";
}
