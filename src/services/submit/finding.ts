import { asGaswError, GaswError } from "../../errors.ts";

/** One thing that was tried. */
export interface Finding {
  readonly check:
    | "address"
    | "identity"
    | "permission"
    | "namespace"
    | "volume"
    | "job"
    | "directory"
    | "image"
    | "home"
    | "environment"
    // Of an engine.
    | "plugin"
    | "java"
    | "gasw"
    | "command"
    | "config"
    | "settings";
  /** What it was tried with, in words. */
  readonly subject: string;
  /** What is wrong, and what to do about it. */
  readonly problem?: GaswError;
  /** Whether jobs run all the same. */
  readonly isMinor?: boolean;
}

/** A namespace, and what is known of it. */
export interface Place {
  readonly name: string;
  readonly state: "there" | "missing" | "unknown";
}

/** What has gone wrong, where the client's signal may have ended the waiting. */
export function problemOf(error: unknown, server: string): GaswError {
  const isOver = error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name);
  if (!isOver || error instanceof GaswError) return asGaswError(error);
  return new GaswError("CLUSTER", `the cluster ${server} did not answer in time`, {
    hint: "check the network and the API server's load, then try again",
    cause: error,
  });
}
