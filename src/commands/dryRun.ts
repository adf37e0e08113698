import type { Context } from "../context.ts";
import { masked } from "../core/inventory/hideSecrets.ts";
import type { Workflow } from "../core/job.ts";
import type { V1Job } from "../core/wire.ts";
import { GaswError } from "../errors.ts";
import { isApiError } from "../kubernetes/errors.ts";
import { createJob } from "../kubernetes/jobs.ts";
import { checkSubmissions, type Submission } from "../services/submit/checks.ts";
import { Plan } from "../services/submit/plan.ts";
import { knownWorkflow } from "../services/workflow/known.ts";

/** Shows what would be made; with `server` the API server checks the Jobs too. Secrets are not shown. */
export async function dryRun(
  context: Context,
  workflow: Workflow,
  submissions: readonly Submission[],
  kind: "client" | "server",
): Promise<number> {
  const checked = checkSubmissions(context.config, workflow, submissions, context.io.cwd, true);
  for (const warning of checked.flatMap(({ warnings }) => warnings)) context.warn(warning);
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
      `the namespace ${namespace} does not exist, so the server cannot validate the Jobs`,
      {
        hint: "use --dry-run=client; submitting creates the namespace",
        cause: error,
      },
    );
  }
}
