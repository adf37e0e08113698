import type { AttemptRecord } from "../../../src/core/lifecycle/record.ts";
import { unknownAttempt } from "./attempts.ts";
import { isLive, type Kube, NONE } from "./lifecycleKube.ts";

/** What stands in a row of the GASW database. */
interface Row {
  readonly status: string | null;
  /** Whether it is a signal that nobody has followed. */
  readonly isNew: boolean;
}

/** One attempt: what the state knows of it, what the cluster has, and its row. */
export interface One extends AttemptRecord {
  readonly kube: Kube;
  /** Whether its Job was removed, so that its pod is about to go. */
  readonly doomed: boolean;
  readonly file: number | undefined;
  readonly row: Row | undefined;
}

/** One that was written down and never seen. */
export const FRESH = {
  ...unknownAttempt,
  kube: NONE,
  doomed: false,
  file: undefined,
} as const;

/** Only what is over has its output read. */
export function fileOf({ kube, file }: One): number | undefined {
  return isLive(kube) ? undefined : file;
}
