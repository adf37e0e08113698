import type { Context } from "../context.ts";
import { onJobs } from "../core/commandWords.ts";
import { nameJobs, type Workflow } from "../core/job.ts";
import { GaswError } from "../errors.ts";
import type { Ended } from "../services/submit/advice.ts";
import type { Submitted } from "../services/submit/submitter.ts";
import type { OutputFormat } from "../ui/io.ts";
import { printable } from "../ui/output.ts";

/** Jobs that are created at the same time. */
export const CONCURRENCY = 16;

/** Tells of each accepted job as soon as all before it are settled, in the order of the scripts. */
export class OrderedAnswers {
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

/** One job's line; one JSON document for all is for the end. */
export function print(context: Context, workflow: Workflow, job: Submitted, output: OutputFormat): void {
  const { stdout } = context.io;
  if (output === "ndjson") stdout.write(`${JSON.stringify(answer(workflow, job))}\n`);
  else if (output === "text") stdout.write(`${printable(job.jobId)}\n`);
}

/** Says of the jobs that have ended that nothing was run, and what runs them: in one sentence where it is one. */
export function tellEnded({ warn }: Pick<Context, "warn">, jobs: readonly Submitted[]): void {
  const byState = new Map<string, { readonly jobId: string; readonly ended: Ended }[]>();
  for (const { jobId, ended } of jobs) {
    if (ended === undefined) continue;
    const key = ended.isPlain ? ended.state : `${jobId} ${ended.state}`;
    byState.set(key, [...(byState.get(key) ?? []), { jobId, ended }]);
  }
  for (const alike of byState.values()) {
    const ids = alike.map(({ jobId }) => jobId);
    const [{ state, command, isPlain }] = alike.map(({ ended }) => ended) as [Ended];
    const again = isPlain ? onJobs("retry", ids) : command;
    warn(
      `${nameJobs(ids)} ${state}, and was not run again: \`${again}\` runs ${ids.length > 1 ? "them" : "it"}`,
    );
  }
}

/** A submitted job as programs read it. */
export function answer(workflow: Workflow, { jobId, kubeName, created }: Submitted) {
  return {
    id: jobId,
    workflow: workflow.id,
    namespace: workflow.namespace,
    kubernetesName: kubeName,
    created,
  };
}
