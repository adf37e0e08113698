import type { Context } from "../context.ts";
import { hasEnded } from "../core/job.ts";
import { type Action, act } from "../services/sync/actions.ts";
import { workflowsOf } from "../services/workflow/known.ts";
import { resolveJobs } from "../services/workflow/resolve.ts";
import type { StoredJob } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import { printable } from "../ui/output.ts";
import { jobRecord } from "./jobRecord.ts";
import { parseOptions, type StatedOptions } from "./requests.ts";

/** Of a retry, with what of the jobs is to be different. */
export interface ActOptions extends StatedOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
}

/**
 * `cancel JOB…`, `retry JOB…` and `release JOB…`: the id of each invocation's newest attempt, a line each.
 */
export async function actOn(
  context: Context,
  action: Action,
  names: readonly string[],
  options: ActOptions,
): Promise<number> {
  const { io } = context;
  const given = parseOptions(options);
  const named = { cwd: io.cwd, workflow: options.workflow, names };
  const jobs = resolveJobs(context, named, { prefix: false });
  const done: StoredJob[] = [];
  for (const one of workflowsOf(context, jobs)) {
    const own = jobs.filter((job) => job.workflow === one.id && job.namespace === one.namespace);
    done.push(...(await act(context, one, own, action, given)));
  }
  if (options.output === "json")
    io.stdout.write(`${JSON.stringify({ jobs: done.map(jobRecord) }, null, 2)}\n`);
  else for (const job of done) io.stdout.write(`${printable(job.id)}\n`);
  const notSubmitted =
    action === "cancel" ? undefined : done.find(({ status }) => status === "NOT_SUBMITTED");
  if (notSubmitted !== undefined) {
    context.warn(
      `${notSubmitted.id} is recorded but not submitted yet: a monitor or the next \`gasw-k8s status --sync\` will submit it`,
    );
  }
  const running = action === "cancel" ? done.find(({ status }) => !hasEnded(status)) : undefined;
  if (running !== undefined) context.warn(`${running.id} was not cancelled: it is ${running.status}`);
  return 0;
}
