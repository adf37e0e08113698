import { decided } from "../../../src/core/lifecycle/make.ts";
import type { AttemptRecord } from "../../../src/core/lifecycle/record.ts";

/** The first attempt of a script, written down and never seen in a cluster. */
export const unknownAttempt: AttemptRecord = {
  key: 0,
  fileName: "Job-1",
  attempt: 0,
  status: decided("NOT_SUBMITTED"),
  settled: false,
  due: false,
  prepared: false,
  signal: null,
  removal: null,
  replicating: false,
  lingers: false,
  outputLate: false,
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
