import { hasEnded, isHeld, type LocalStatus } from "../../../src/core/job.ts";
import { active, CLEARING, DUE, decided, ended, held, over, removing, WRITTEN } from "../../../src/core/lifecycle/make.ts";
import type { AttemptRecord } from "../../../src/core/lifecycle/record.ts";
import type { ActiveStatus, DecidedEnd, EndStatus, HeldStatus, Left, Stage } from "../../../src/core/lifecycle/stage.ts";

/** The first attempt of a script, written down and never seen in a cluster. */
export const unknownAttempt: AttemptRecord = {
  key: 0,
  fileName: "Job-1",
  attempt: 0,
  status: decided("NOT_SUBMITTED"),
  stage: WRITTEN,
  prepared: false,
  signal: null,
  replicating: false,
  pendingFamily: null,
  pendingSince: null,
  reason: null,
  message: null,
  exitCode: null,
  pod: null,
  node: null,
  kubeUid: null,
  wrapper: 1,
  contentHash: "c0ffee",
  script: null,
  image: "debian",
  request: {},
  invocationId: null,
  submitted: null,
  started: null,
};

/** A stage in the words of the hand-written tables. */
export interface StageWords extends Partial<Left> {
  readonly status: LocalStatus;
  /** Whether its end has been seen to. */
  readonly settled?: boolean;
  readonly due?: boolean;
  /** What was written down before its Job was removed. */
  readonly removal?: DecidedEnd | "NOT_SUBMITTED" | null;
}

/** The stage that the tables' words come to. */
export function stageOf({ status, settled = false, due = false, removal = null, lingers = false, outputLate = false }: StageWords): Stage {
  if (isHeld(status)) return held(status as HeldStatus, { lingers, outputLate });
  const noted = removal === "NOT_SUBMITTED" ? null : removal;
  if (hasEnded(status)) return (settled ? over : ended)(status as EndStatus, { lingers, outputLate }, noted);
  if (noted !== null) return removing(status as ActiveStatus | "NOT_SUBMITTED", noted);
  if (status !== "NOT_SUBMITTED") return active(status as ActiveStatus);
  if (removal === "NOT_SUBMITTED") return CLEARING;
  return due ? DUE : WRITTEN;
}

/** A stage of an attempt, and its status. */
export function inStage(words: StageWords): Pick<AttemptRecord, "stage" | "status"> {
  const stage = stageOf(words);
  return { stage, status: stage.status };
}
