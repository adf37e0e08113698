import { parseDuration } from "./duration.ts";

/** Grace per reason before a job that waits for it is given up, in seconds; null: never. */
export const DEFAULT_PENDING = {
  InvalidImageName: "0s",
  ErrImageNeverPull: "0s",
  ErrImagePull: "90s",
  ImagePullBackOff: "15m",
  CreateContainerConfigError: "5m",
  CreateContainerError: "5m",
  FailedCreate: "5m",
  Unschedulable: "never",
} as const;

/** The same in seconds. */
export function defaultPending(): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(DEFAULT_PENDING).map(([reason, grace]) => [
      reason,
      grace === "never" ? null : (parseDuration(grace) ?? 0),
    ]),
  );
}
