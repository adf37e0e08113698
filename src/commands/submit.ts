import { open, stat } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import pMap from "p-map";
import type { Context } from "../context.ts";
import { masked } from "../core/inventory/mask.ts";
import type { Workflow } from "../core/job.ts";
import type { V1Job } from "../core/wire.ts";
import { asGaswError, GaswError, systemCode } from "../errors.ts";
import { isApiError } from "../kubernetes/errors.ts";
import { createJob } from "../kubernetes/jobs.ts";
import { type CheckedSubmission, checkSubmissions, type Submission } from "../services/submit/checks.ts";
import { Plan } from "../services/submit/plan.ts";
import { type Submitted, Submitter } from "../services/submit/submitter.ts";
import { workflowDirectory } from "../services/workflow/directory.ts";
import { knownWorkflow } from "../services/workflow/known.ts";
import type { StoredWorkflow } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import { errorReport, printable } from "../ui/output.ts";
import { parseAssignments, parseRequest, parseRequestLine } from "./requests.ts";

/** Jobs that are created at the same time. */
const CONCURRENCY = 16;

export interface SubmitOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
  readonly from?: string;
  readonly wait?: boolean;
  /** Seconds. */
  readonly waitTimeout?: number;
  readonly dryRun?: "client" | "server";
  readonly env?: readonly string[];
  /** Options that state the request itself, as they were given. */
  readonly request: Readonly<Record<string, unknown>>;
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
    const states = Object.keys(options.request).length > 0 || options.env !== undefined;
    if (scripts.length > 0 || states || options.wait === true || options.dryRun !== undefined) {
      throw new GaswError(
        "USAGE",
        "--from goes with no script, no option of a job, no --wait and no --dry-run",
        {
          hint: 'the NDJSON lines state it all: {"script":"sh/Job-1.sh","memory":"2Gi"}',
        },
      );
    }
    return await submitLines(context, workflow, options.from);
  }
  if (options.waitTimeout !== undefined && options.wait !== true) {
    throw new GaswError("USAGE", "--wait-timeout is given without --wait", {
      hint: "add --wait; --timeout limits the job itself",
    });
  }
  if (scripts.length === 0)
    throw new GaswError("USAGE", "no script is named", {
      hint: "gasw-k8s submit sh/Job-1.sh, or --from - for NDJSON on stdin",
    });
  const env = options.env === undefined ? {} : { env: parseAssignments(options.env) };
  const submissions = [...new Set(scripts)].map((script) =>
    parseRequest({ script, ...options.request, ...env }, optionName),
  );
  if (options.dryRun !== undefined) return await dryRun(context, workflow, submissions, options.dryRun);
  const submitted = await submitAll(context, workflow, submissions, options);
  const [first, ...others] = submitted.failures;
  for (const failure of others) context.io.stderr.write(errorReport(failure, options));
  if (first !== undefined) throw first;
  if (options.wait !== true) return 0;
  const jobs = submitted.done.map(({ jobId }) => jobId);
  const { waitForJobs } = await import("./wait.ts");
  return await waitForJobs(context, submitted.workflow, jobs, options.waitTimeout);
}

function workflowOf(context: Context, directory: string): Workflow {
  return { id: path.basename(directory), directory, namespace: context.config.k8sNamespace };
}

/** The option that a field of a request comes from. */
function optionName(field: string): string {
  return field === "script"
    ? "script"
    : `--${field.split(".")[0]?.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Submits all; what one failure does not concern goes on. What was accepted is answered, also after a Ctrl-C.
 */
async function submitAll(
  context: Context,
  workflow: Workflow,
  submissions: readonly Submission[],
  { output }: SubmitOptions,
): Promise<{ workflow: StoredWorkflow; done: Submitted[]; failures: GaswError[] }> {
  const checked = checkSubmissions(context.config, workflow, submissions, context.io.cwd);
  const submitter = new Submitter(context, workflow);
  await submitter.confirmPlace();
  const intents = checked.map((submission) => attempt(() => submitter.intend(submission)));
  const answers = new OrderedAnswers((job) => print(context, submitter.workflow, job, output));
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
  if (output === "json") {
    const jobs = done.map((job) => answer(submitter.workflow, job));
    if (jobs.length > 0 || !context.signal.aborted)
      context.io.stdout.write(`${JSON.stringify({ jobs }, null, 2)}\n`);
  }
  context.signal.throwIfAborted();
  return { workflow: submitter.workflow, done, failures: distinct(failures) };
}

/** Tells of each accepted job as soon as all before it are settled, in the order of the scripts. */
class OrderedAnswers {
  readonly #results: (Submitted | GaswError)[] = [];
  readonly #tell: (job: Submitted) => void;
  #told = 0;

  constructor(tell: (job: Submitted) => void) {
    this.#tell = tell;
  }

  add(index: number, result: Submitted | GaswError): void {
    this.#results[index] = result;
    for (; this.#told in this.#results; this.#told++) {
      const next = this.#results[this.#told];
      if (next !== undefined && !(next instanceof GaswError)) this.#tell(next);
    }
  }

  get done(): Submitted[] {
    return this.#results.filter((result): result is Submitted => !(result instanceof GaswError));
  }

  get failures(): GaswError[] {
    return this.#results.filter((result) => result instanceof GaswError);
  }
}

/** One outage makes many jobs fail alike: it is told once. */
function distinct(failures: readonly GaswError[]): GaswError[] {
  return [...new Map(failures.map((failure) => [failure.message, failure])).values()];
}

/** One job's line; one JSON document for all is for the end. */
function print(context: Context, workflow: Workflow, job: Submitted, output: OutputFormat): void {
  const { stdout } = context.io;
  if (output === "ndjson") stdout.write(`${JSON.stringify(answer(workflow, job))}\n`);
  else if (output === "text") stdout.write(`${printable(job.jobId)}\n`);
}

function answer(workflow: Workflow, { jobId, kubeName, created }: Submitted) {
  return {
    id: jobId,
    workflow: workflow.id,
    namespace: workflow.namespace,
    kubernetesName: kubeName,
    created,
  };
}

/**
 * Reads NDJSON requests and answers each as it is accepted, until the input ends; a bad line fails alone.
 * @returns the first failure's exit code
 */
async function submitLines(context: Context, workflow: Workflow, from: string): Promise<number> {
  const { createInterface } = await import("node:readline");
  const input = from === "-" ? context.io.stdin : await openRequests(path.resolve(context.io.cwd, from));
  const submitter = new Submitter(context, workflow);
  let exitCode = 0;
  const accept = async (line: string, index: number) => {
    if (line.trim() === "") return;
    const lineNumber = index + 1;
    // Whatever goes wrong with one line is that line's answer: the process goes on for the others.
    const result = await submitLine(context, submitter, line, lineNumber).catch(asGaswError);
    if (context.signal.aborted) return;
    if (result instanceof GaswError) {
      exitCode ||= result.exitCode;
      const { code, message, hint } = result;
      context.io.stdout.write(`${JSON.stringify({ line: lineNumber, error: { code, message, hint } })}\n`);
    } else
      context.io.stdout.write(
        `${JSON.stringify({ line: lineNumber, ...answer(submitter.workflow, result) })}\n`,
      );
  };
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal: context.signal });
  await pMap(lines, accept, { concurrency: CONCURRENCY });
  context.signal.throwIfAborted();
  return exitCode;
}

async function openRequests(file: string): Promise<Readable> {
  const refuse = (why: string, cause?: unknown) =>
    new GaswError("USAGE", `the requests ${file} ${why}`, {
      hint: "--from names a file of NDJSON requests, or - for stdin",
      cause,
    });
  const found = await stat(file).catch((cause: unknown) => {
    throw refuse(`can't be read (${systemCode(cause)})`, cause);
  });
  if (found.isDirectory()) throw refuse("are a directory");
  const handle = await open(file).catch((cause: unknown) => {
    throw refuse(`can't be read (${systemCode(cause)})`, cause);
  });
  return handle.createReadStream();
}

async function submitLine(
  context: Context,
  submitter: Submitter,
  line: string,
  number: number,
): Promise<Submitted> {
  const submission = parseRequestLine(line, number);
  const [checked] = checkSubmissions(context.config, submitter.workflow, [submission], context.io.cwd);
  if (checked === undefined) throw new Error("a checked submission is missing");
  await submitter.confirmPlace();
  return await submitter.submit(checked, submitter.intend(checked));
}

/** Shows what would be made; with `server` the API server checks the Jobs too. Secrets are not shown. */
async function dryRun(
  context: Context,
  workflow: Workflow,
  submissions: readonly Submission[],
  kind: "client" | "server",
): Promise<number> {
  const checked = checkSubmissions(context.config, workflow, submissions, context.io.cwd, true);
  const known = context.hasState ? knownWorkflow(context, workflow.directory) : undefined;
  const plan = new Plan(context, known ?? workflow);
  const jobs = checked.map((submission) => plan.job(submission));
  if (kind === "server") await checkWithServer(context, workflow.namespace, jobs);
  const list = { apiVersion: "v1", kind: "List", items: plan.objects(jobs) };
  context.io.stdout.write(`${JSON.stringify(masked(list), null, 2)}\n`);
  return 0;
}

async function checkWithServer(
  { client }: Context,
  namespace: string,
  jobs: readonly V1Job[],
): Promise<void> {
  try {
    await Promise.all(jobs.map((job) => createJob(client, job, { dryRun: "All" })));
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
    throw new GaswError(
      "NOT_FOUND",
      `the namespace ${namespace} does not exist, so the server can't check the Jobs`,
      {
        hint: "--dry-run=client shows what would be made; submitting makes the namespace",
        cause: error,
      },
    );
  }
}

function attempt<T>(action: () => T): T | GaswError {
  try {
    return action();
  } catch (error) {
    return asGaswError(error);
  }
}
