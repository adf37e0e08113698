import { CANCELLED_CODE, describeExitCode, UNDEFINED_CODE } from "../../core/gasw/exitCode.ts";
import { jobFiles } from "../../core/gasw/files.ts";
import { endMessage, stageDates } from "../../core/gaswRow/write.ts";
import type { Result } from "../../store/records.ts";
import { readOutput } from "./storedOutput.ts";

/**
 * An invocation that is over, as GASW tells its engine (`GaswOutput`); paths are relative to the workflow
 * directory.
 */
export interface ResultRecord {
  /** Given to `--since`, it has the results after this one told. */
  readonly cursor: number;
  readonly workflow: string;
  readonly namespace: string;
  readonly directory: string;
  readonly id: string;
  readonly attemptId: string;
  readonly invocationId: number | null;
  readonly status: string;
  readonly exitCode: number;
  /** Name in `GaswExitCode`; UNDEFINED for a code that GASW does not know. */
  readonly exitName: string;
  readonly stage: string | null;
  readonly message: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly appStdout: string;
  readonly appStderr: string;
  readonly inputs: readonly string[];
  readonly uploads: readonly { readonly id: string; readonly uri: string }[];
  readonly started: string | null;
  readonly ended: string | null;
}

export function resultRecord(result: Result): ResultRecord {
  const { cursor, workflow, namespace, directory, fileName, id, invocationId, status, started } = result;
  const output = result.output === null ? null : readOutput(result.output);
  const { out, err, appOut, appErr } = jobFiles(fileName);
  const hasCompleted = status === "COMPLETED";
  // What the output states counts, whatever the container ended with.
  const exitCode = hasCompleted ? (output?.exitCode ?? UNDEFINED_CODE) : CANCELLED_CODE;
  return {
    cursor,
    workflow,
    namespace,
    directory,
    id: fileName,
    attemptId: id,
    invocationId,
    status,
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

function relative(file: string): string {
  return file.replace(/^\.\//, "");
}
