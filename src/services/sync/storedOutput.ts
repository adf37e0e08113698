import type { Datum, RowFacts } from "../../core/gaswRow/row.ts";
import { stageDates } from "../../core/gaswRow/write.ts";
import type { OutputFacts } from "../../core/output/facts.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { type ParsedOutput, parseOutput } from "../output/parse.ts";

/** What the state keeps of a job's output. */
export type StoredOutput = Pick<
  OutputFacts,
  | "exitCode"
  | "downloadSeconds"
  | "executionSeconds"
  | "uploadSeconds"
  | "node"
  | "inputs"
  | "outputs"
  | "failedStage"
  | "message"
>;

/**
 * Reads the output of a job that is over, and warns of what is wrong with it.
 * @throws the signal's reason, when it is aborted
 */
export async function parseOutputOf(
  { signal, warn }: Pick<Deps, "signal" | "warn">,
  job: StoredJob,
): Promise<ParsedOutput> {
  const output = await parseOutput(job.directory, job.fileName, signal);
  for (const warning of output.warnings) warn(`job ${job.id}: ${warning}`);
  return output;
}

export function storeOutput(facts: OutputFacts): string {
  const {
    exitCode,
    downloadSeconds,
    executionSeconds,
    uploadSeconds,
    node,
    inputs,
    outputs,
    failedStage,
    message,
  } = facts;
  const kept: { [K in keyof StoredOutput]: StoredOutput[K] | undefined } = {
    exitCode,
    downloadSeconds,
    executionSeconds,
    uploadSeconds,
    node,
    inputs,
    outputs,
    failedStage,
    message,
  };
  return JSON.stringify(kept);
}

export function readOutput(text: string): StoredOutput {
  return JSON.parse(text) as StoredOutput;
}

/** What a job's output gives the other tables of the GASW database. */
export function factsOf(job: StoredJob, text: string | null, withMinorStatuses: boolean): RowFacts {
  const output = text === null ? null : readOutput(text);
  const minor = withMinorStatuses ? { minorStatuses: minorStatuses(job, output) } : {};
  if (output === null) return minor;
  const data = [
    ...output.inputs.map((path): Datum => ({ path, type: "Input" })),
    ...output.outputs.map(({ uri }): Datum => ({ path: uri, type: "Output" })),
  ];
  return { ...(output.node === undefined ? {} : { node: output.node }), data, ...minor };
}

/** The stages that a job is known to have reached. */
function minorStatuses(job: StoredJob, output: StoredOutput | null): NonNullable<RowFacts["minorStatuses"]> {
  if (job.started === null) return [];
  const { download, running, upload, end } = stageDates({ ...job, output });
  const stages = [
    ["Started", download],
    ["Inputs", output === null ? null : download],
    ["Application", output === null ? null : (running ?? download)],
    ["Outputs", upload],
    ["Finished", end],
  ] as const;
  return stages.flatMap(([status, at]) => (at === null ? [] : [{ status, at }]));
}
