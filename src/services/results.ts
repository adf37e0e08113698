import { describeExitCode } from "../core/exitCode.ts";
import { jobFiles } from "../core/podTemplate.ts";
import { endMessage, stageDates } from "../core/rowWrite.ts";
import type { Result } from "../store/store.ts";
import { readOutput } from "./storedOutput.ts";

/** GASW's code for a job that was cancelled or killed (`GaswExitCode.EXECUTION_CANCELED`). */
const CANCELLED_CODE = 9;

/** An invocation that is over, as GASW tells its engine (`GaswOutput`); paths are relative to the workflow directory. */
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

export function resultRecord({ cursor, job, output: text }: Result): ResultRecord {
  const output = text === null ? null : readOutput(text);
  const { out, err, appOut, appErr } = jobFiles(job.fileName);
  const exitCode = job.status === "COMPLETED" ? 0 : CANCELLED_CODE;
  return {
    cursor,
    workflow: job.workflow,
    namespace: job.namespace,
    directory: job.directory,
    id: job.fileName,
    attemptId: job.id,
    invocationId: job.invocationId,
    status: job.status,
    exitCode,
    exitName: describeExitCode(exitCode).name ?? "UNDEFINED",
    stage: output?.failedStage ?? null,
    message: endMessage({ ...job, output }),
    stdout: relative(out),
    stderr: relative(err),
    appStdout: relative(appOut),
    appStderr: relative(appErr),
    inputs: output?.inputs ?? [],
    uploads: (output?.outputs ?? []).map(({ id, uri }) => ({ id: id ?? "", uri })),
    started: job.started,
    ended: stageDates({ ...job, output }).end,
  };
}

function relative(file: string): string {
  return file.replace(/^\.\//, "");
}
