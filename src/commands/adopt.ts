import type { Context } from "../context.ts";
import { hasEnded } from "../core/job.ts";
import { type Adopted, adoptWorkflow } from "../services/sync/adoptWorkflow.ts";
import { workflowDirectory } from "../services/workflow/directory.ts";
import { nameOf } from "../services/workflow/notOwner.ts";
import type { StoredJob } from "../store/records.ts";
import type { OutputFormat } from "../ui/io.ts";
import { jobTable } from "../ui/jobTable.ts";
import { printable } from "../ui/output.ts";
import { jobRecord } from "./jobRecord.ts";

export interface AdoptOptions {
  readonly output: OutputFormat;
  /** Prints the jobs' ids alone. */
  readonly quiet?: boolean;
}

/** Scripts that are named in a warning. */
const NAMED = 5;

/** `adopt DIR`: makes this state file the owner of a workflow, and shows the jobs that it has taken up. */
export async function adopt(
  context: Context,
  named: string,
  { output, quiet }: AdoptOptions,
): Promise<number> {
  const { io, store } = context;
  const adopted = await adoptWorkflow(context, workflowDirectory(named, [], io.cwd, "name"));
  const jobs = store.jobs.newest(adopted.workflow);
  if (output === "json") {
    const { workflow, from, taken, unknown } = adopted;
    const document = {
      workflow: workflow.id,
      namespace: workflow.namespace,
      directory: workflow.directory,
      from: from === undefined ? null : { host: from.host, user: from.user },
      adoptedAttempts: taken,
      notAdopted: unknown,
      jobs: jobs.map(jobRecord),
    };
    io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return 0;
  }
  if (quiet === true) for (const { id } of jobs) io.stdout.write(`${printable(id)}\n`);
  else if (jobs.length > 0) io.stdout.write(jobTable(io, jobs.map(jobRecord)));
  tellUnknown(context, adopted);
  io.stderr.write(`${words(adopted, jobs)}\n`);
  return 0;
}

function words({ workflow, from, taken }: Adopted, jobs: readonly StoredJob[]): string {
  const id = printable(workflow.id);
  const active = jobs.filter(({ status }) => !hasEnded(status)).length;
  const count = `${jobs.length} ${jobs.length === 1 ? "job" : "jobs"}, ${active} not ended`;
  const next = active > 0 || jobs.some(({ stage }) => stage.name !== "over");
  const hint = next ? "; `gasw-k8s monitor` or `gasw-k8s status --sync` continues it" : "";
  if (taken === 0 && from === undefined)
    return `this state file serves workflow ${id} already (${count})${hint}`;
  const whose = from === undefined ? "" : ` from ${printable(nameOf(from))}`;
  return `adopted workflow ${id}${whose}: ${count}${hint}`;
}

function tellUnknown({ warn }: Context, { unknown }: Adopted): void {
  if (unknown.length === 0) return;
  const some = `${unknown.slice(0, NAMED).join(", ")}${unknown.length > NAMED ? ", …" : ""}`;
  const scripts = unknown.length === 1 ? "1 script was" : `${unknown.length} scripts were`;
  warn(`${scripts} not adopted (${some}): only their output is left, which does not show how they ended`);
}
