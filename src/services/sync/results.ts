import { CANCELLED_CODE, describeExitCode, STALLED_CODE, UNDEFINED_CODE } from "../../core/gasw/exitCode.ts";
import { jobFiles } from "../../core/gasw/files.ts";
import { endMessage, stageDates } from "../../core/gaswRow/write.ts";
import type { HoldEvent, Result, Told } from "../../store/records.ts";
import { readOutput } from "./storedOutput.ts";

/** What every line says that an engine is told. */
interface ToldRecord {
  /** Given to `--since`, it has what comes after this line told. */
  readonly cursor: number;
  readonly kind: Told["kind"];
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string;
  readonly id: string;
  readonly attemptId: string;
  readonly invocationId: number | null;
  readonly status: string;
  /** The last exit code of the job itself; null where none is known. */
  readonly ownExitCode: number | null;
  readonly message: string | null;
  readonly ended: string | null;
}

/** A job that was held, or released. */
interface HoldRecord extends ToldRecord {
  readonly kind: "held" | "released";
  readonly reason: string | null;
}

/**
 * An invocation that is over, as GASW tells its engine (`GaswOutput`); paths are relative to the workflow
 * directory.
 */
interface ResultRecord extends ToldRecord {
  readonly kind: "result";
  readonly exitCode: number;
  /** Name in `GaswExitCode`; UNDEFINED for a code that GASW does not know. */
  readonly exitName: string;
  readonly stage: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly appStdout: string;
  readonly appStderr: string;
  readonly inputs: readonly string[];
  readonly uploads: readonly { readonly id: string; readonly uri: string }[];
  readonly started: string | null;
}

/** What an engine is told, as a line. */
export function toldRecord(told: Told): ResultRecord | HoldRecord {
  return told.kind === "result" ? resultRecord(told) : holdRecord(told);
}

/** What every line says, in this order. */
function commonOf<Kind extends Told["kind"]>(told: Told & { readonly kind: Kind }) {
  const { cursor, kind, workflow, namespace, directory, fileName, id, invocationId, status } = told;
  const job = { workflow, namespace, directory, id: fileName, attemptId: id, invocationId };
  return { cursor, kind, ...job, status, ownExitCode: told.ownExitCode };
}

function holdRecord(event: HoldEvent): HoldRecord {
  const output = event.output === null ? null : readOutput(event.output);
  const { reason, ended } = event;
  return { ...commonOf(event), reason, message: endMessage({ ...event, output }), ended };
}

function resultRecord(result: Result): ResultRecord {
  const { fileName, status, started } = result;
  const output = result.output === null ? null : readOutput(result.output);
  const { out, err, appOut, appErr } = jobFiles(fileName);
  const hasCompleted = status === "COMPLETED";
  const exitCode = exitCodeOf(result, output?.exitCode);
  return {
    ...commonOf(result),
    exitCode,
    exitName: describeExitCode(exitCode).name ?? "UNDEFINED",
    stage: hasCompleted ? null : (output?.failedStage ?? null),
    message: endMessage({ ...result, output }),
    stdout: relative(out),
    stderr: relative(err),
    appStdout: relative(appOut),
    appStderr: relative(appErr),
    inputs: output?.inputs ?? [],
    uploads: (output?.outputs ?? []).map(({ id, uri }) => ({ id: id ?? "", uri })),
    started,
    ended: stageDates({ ...result, output }).end,
  };
}

/** GASW's exit code of an invocation. */
function exitCodeOf({ status, ownExitCode }: Result, stated: number | undefined): number {
  switch (status) {
    case "COMPLETED":
      // What the output states counts, whatever the container ended with.
      return stated ?? UNDEFINED_CODE;
    case "ERROR":
    case "STALLED":
      // A code of 0 belongs to a job that has failed all the same.
      if (ownExitCode !== null && ownExitCode !== 0) return ownExitCode;
      return status === "ERROR" ? UNDEFINED_CODE : STALLED_CODE;
    default:
      return CANCELLED_CODE;
  }
}

function relative(file: string): string {
  return file.replace(/^\.\//, "");
}
