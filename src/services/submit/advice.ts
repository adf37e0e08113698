import { existsSync } from "node:fs";
import path from "node:path";
import { cancelCommand, retryCommand, submitCommand } from "../../core/commandWords.ts";
import { jobFiles } from "../../core/gasw/files.ts";
import { attemptNumber, isHeld, type JobOptions, type JobRequest } from "../../core/job.ts";
import { awaitsTurn } from "../../core/lifecycle/stage.ts";
import { shellWord } from "../../core/shellWord.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { optionsAfterRemoval, optionsToRepeat } from "./environment.ts";
import { optionsFor } from "./newContent.ts";
import { scriptOf } from "./scriptContent.ts";

/** The command that runs a script under another name, as a job of its own. */
function underAnotherName(job: StoredJob, options = optionsToRepeat(job)): string {
  const fileOf = (name: string) => path.join(job.directory, scriptOf(name));
  let number = 2;
  while (existsSync(fileOf(`${job.fileName}-${number}`))) number++;
  const copy = fileOf(`${job.fileName}-${number}`);
  const { invocationId: _, ...own } = options;
  return `cp ${shellWord(fileOf(job.fileName))} ${shellWord(copy)} && ${submitCommand(copy, own)}`;
}

/** Says that a job has done its work, and is not run again. */
export function completed(job: StoredJob): GaswError {
  const command = underAnotherName(job);
  return new GaswError("CONFLICT", `job ${job.id} has already completed`, {
    hint: `to run its script once more, submit it under another name: \`${command}\``,
  });
}

/** Refuses a change to a job that is already in the cluster. */
export function isRunning(job: StoredJob, given: JobOptions): GaswError {
  const { fileName } = job;
  const command = `${cancelCommand(fileName)} && ${retryCommand(fileName, optionsAfterRemoval(job, given))}`;
  return new GaswError(
    "CONFLICT",
    `job ${job.id} is ${job.status} with different content, which cannot be changed any more`,
    { hint: `to run it with this content instead: \`${command}\`` },
  );
}

/** How a job has ended, and what runs it again. */
export interface Ended {
  /** Completes a sentence on the job: `was cancelled (DELETED)`. */
  readonly state: string;
  readonly command: string;
  /** Whether the command runs it as it was submitted before: it takes several jobs then. */
  readonly isPlain: boolean;
}

/** Whether an invocation is over, or waits for a person: nothing runs it by itself any more. */
export function isFinished({ stage }: StoredJob): boolean {
  return stage.name === "over" || stage.name === "held";
}

/**
 * How the newest attempt of a job that is finished has ended.
 * @param different what is to be different, where that was asked for
 */
export function endOf(job: StoredJob, different: JobOptions = {}): Ended {
  const { fileName, status } = job;
  if (status === "COMPLETED")
    return { state: "has already completed", command: underAnotherName(job), isPlain: false };
  const isCancelled = status === "DELETED";
  const options = isCancelled ? optionsAfterRemoval(job, different) : different;
  const state = isCancelled ? "was cancelled" : isHeld(status) ? "is held" : "has failed";
  return {
    state: `${state} (${status})`,
    command: retryCommand(fileName, options),
    isPlain: Object.keys(options).length === 0,
  };
}

/** Refuses a submission of a job that is there with different content, and says what can be done. */
export function otherContent(config: Deps["config"], newest: StoredJob, request: JobRequest): GaswError {
  const { fileName, workflow } = newest;
  const name = `job ${request.jobId} of workflow ${workflow}`;
  const refuse = (message: string, hint: string) => new GaswError("CONFLICT", message, { hint });
  if (request.jobId !== fileName)
    return refuse(
      `${name} was already submitted with different content: it is attempt ${attemptNumber(newest)} of ${fileName}`,
      `submit the script under another name: \`${underAnotherName({ ...newest, fileName: request.jobId }, request.options)}\``,
    );
  if (newest.status === "COMPLETED")
    return refuse(
      `${name} was already submitted with different content, and has completed`,
      `to keep its output, submit the script under another name: \`${underAnotherName(newest, request.options)}\``,
    );
  const options = optionsFor(config, newest, request);
  const isWaiting = awaitsTurn(newest.stage);
  const retry = retryCommand(fileName, isWaiting ? options : optionsAfterRemoval(newest, options));
  return refuse(
    `${name} was already submitted with different content, and is ${newest.status}`,
    `to run it with this content instead: \`${isWaiting ? "" : `${cancelCommand(fileName)} && `}${retry}\``,
  );
}

/** Refuses a job that has run with different content, whose output would be lost. */
export function ranBefore(job: StoredJob): GaswError {
  const command = underAnotherName(job);
  return new GaswError("CONFLICT", `job ${job.id} has already run with different content`, {
    hint: `to keep its output, submit the script under another name: \`${command}\``,
  });
}

/** Refuses a job whose output is there, though this state file does not know of a run. */
export function ranElsewhere({ id, directory, fileName }: StoredJob): GaswError {
  const output = path.join(directory, jobFiles(fileName).out);
  const command = `mv -- ${shellWord(output)} ${shellWord(`${output}.old`)}`;
  return new GaswError(
    "CONFLICT",
    `job ${id} ran before, but is not in this state file: its output ${output} exists`,
    {
      hint: `to run it again, make sure that it is not running, then move its output: \`${command}\``,
    },
  );
}
