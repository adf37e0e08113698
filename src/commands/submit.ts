import path from "node:path";
import pMap from "p-map";
import type { Context } from "../context.ts";
import type { Workflow } from "../core/job.ts";
import { asGaswError, GaswError } from "../errors.ts";
import { type CheckedSubmission, checkSubmissions, type Submission } from "../services/submit/checks.ts";
import { Submitter } from "../services/submit/submitter.ts";
import { workflowDirectory } from "../services/workflow/directory.ts";
import type { StoredWorkflow } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import type { JobRecord } from "../ui/jobs.ts";
import { errorReport } from "../ui/output.ts";
import { type Progress, waitingLines } from "../ui/progress.ts";
import { dryRun } from "./dryRun.ts";
import { isAnyStated, parseOptions, type StatedOptions } from "./requests.ts";
import { submitLines } from "./submitLines.ts";
import { answer, CONCURRENCY, OrderedAnswers, print, tellEnded } from "./submitted.ts";

export interface SubmitOptions extends StatedOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly quiet?: boolean;
  readonly from?: string;
  readonly wait?: boolean;
  /** Seconds. */
  readonly waitTimeout?: number;
  readonly dryRun?: "client" | "server";
  readonly verbose: boolean;
}

/** The directory that `submit` works in, which also decides which configuration files may count. */
export function submitDirectory(
  scripts: readonly string[],
  options: Pick<SubmitOptions, "workflow">,
  cwd: string,
): string {
  return workflowDirectory(options.workflow, scripts, cwd);
}

/**
 * `submit [SCRIPT…]`
 * @returns the exit code: 0, the first failure's, or with `--wait` the jobs' own
 */
export async function submit(
  context: Context,
  scripts: readonly string[],
  options: SubmitOptions,
): Promise<number> {
  const workflow = workflowOf(context, submitDirectory(scripts, options, context.io.cwd));
  if (options.from !== undefined) {
    const isStated = isAnyStated(options);
    if (scripts.length > 0 || isStated || options.wait === true || options.dryRun !== undefined) {
      throw new GaswError(
        "USAGE",
        "--from cannot be combined with scripts, job options, --wait or --dry-run",
        {
          hint: 'set the job options in the NDJSON lines: {"script":"sh/Job-1.sh","memory":"2Gi"}',
        },
      );
    }
    return await submitLines(context, workflow, options.from);
  }
  if (options.waitTimeout !== undefined && options.wait !== true) {
    throw new GaswError("USAGE", "--wait-timeout requires --wait", {
      hint: "add --wait, or use --timeout to limit the job itself",
    });
  }
  if (scripts.length === 0)
    throw new GaswError("USAGE", "no script given", {
      hint: "use gasw-k8s submit sh/Job-1.sh, or --from - to read NDJSON from stdin",
    });
  const stated = parseOptions(options);
  const submissions = [...new Set(scripts)].map((script) => ({ script, options: stated }));
  if (options.dryRun !== undefined) return await dryRun(context, workflow, submissions, options.dryRun);
  const outcome = await submitAll(context, workflow, submissions, options);
  const { accepted, failures } = outcome;
  const [first, ...others] = failures;
  if (options.wait === true && first === undefined && !context.signal.aborted)
    return await waitForResults(context, outcome, options);
  if (options.output === "json" && (accepted.length > 0 || !context.signal.aborted))
    printDocument(context, { jobs: accepted });
  context.signal.throwIfAborted();
  for (const failure of others) context.io.stderr.write(errorReport(failure, options));
  if (first !== undefined) throw first;
  return 0;
}

/** What has become of the scripts: the jobs that were accepted, in their order, and what has failed. */
interface Outcome {
  readonly workflow: StoredWorkflow;
  readonly accepted: readonly ReturnType<typeof answer>[];
  readonly failures: readonly GaswError[];
}

/**
 * Waits for the jobs that were accepted, and tells programs how each has ended; of those that go on at a timeout or a
 * Ctrl-C, that they were accepted.
 * @returns their highest exit code
 */
async function waitForResults(
  context: Context,
  { workflow, accepted }: Outcome,
  options: SubmitOptions,
): Promise<number> {
  const { output } = options;
  const { waitForJobs } = await import("./wait.ts");
  const ids = accepted.map(({ id }) => id);
  const ended = new Map<string, JobRecord>();
  const tell = (job: JobRecord) => {
    ended.set(job.id, job);
    if (output === "ndjson") context.io.stdout.write(`${JSON.stringify(job)}\n`);
  };
  try {
    return await waitForJobs(context, workflow, ids, options, tell);
  } finally {
    if (output === "json")
      printDocument(context, { jobs: accepted, results: ids.flatMap((id) => ended.get(id) ?? []) });
  }
}

function printDocument({ io }: Context, document: object): void {
  io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

function workflowOf(context: Context, directory: string): Workflow {
  return { id: path.basename(directory), directory, namespace: context.config.k8sNamespace };
}

/**
 * Submits all; what one failure does not concern goes on. What was accepted is answered, also after a Ctrl-C.
 */
async function submitAll(
  context: Context,
  workflow: Workflow,
  submissions: readonly Submission[],
  options: SubmitOptions,
): Promise<Outcome> {
  const checked = checkSubmissions(context.config, workflow, submissions, context.io.cwd);
  for (const warning of checked.flatMap(({ warnings }) => warnings)) context.warn(warning);
  let line: Progress | undefined;
  const onWait = (text: string | undefined) => {
    if (text === undefined) line?.stop();
    else line ??= waitingLines(context.io, { text }, options);
  };
  const submitter = new Submitter(context, workflow, true, onWait);
  await submitter.confirmPlace();
  const intents = checked.map((submission) => attempt(() => submitter.intend(submission)));
  const answers = new OrderedAnswers((job) => print(context, submitter.workflow, job, options.output));
  const submitOne = async (submission: CheckedSubmission, index: number) => {
    if (context.signal.aborted) return;
    const intent = intents[index] as ReturnType<Submitter["intend"]> | GaswError;
    answers.add(
      index,
      intent instanceof GaswError ? intent : await submitter.submit(submission, intent).catch(asGaswError),
    );
  };
  await pMap(checked, submitOne, { concurrency: CONCURRENCY });
  const { done, failures } = answers;
  tellEnded(context, done);
  const accepted = done.map((job) => answer(submitter.workflow, job));
  return { workflow: submitter.workflow, accepted, failures: distinct(failures) };
}

/** One outage makes many jobs fail alike: it is told once. */
function distinct(failures: readonly GaswError[]): GaswError[] {
  return [...new Map(failures.map((failure) => [failure.message, failure])).values()];
}

function attempt<T>(action: () => T): T | GaswError {
  try {
    return action();
  } catch (error) {
    return asGaswError(error);
  }
}
