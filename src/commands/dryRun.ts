import type { Context } from "../context.ts";
import { masked } from "../core/inventory/hideSecrets.ts";
import type { Workflow } from "../core/job.ts";
import { checkSubmissions, type Submission } from "../services/submit/checks.ts";
import { Plan } from "../services/submit/plan.ts";
import { checkWithServer } from "../services/submit/serverCheck.ts";
import { knownWorkflow } from "../services/workflow/known.ts";

/** Shows what would be made; with `server` the API server checks the Jobs and their pods, too. Secrets are not shown. */
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
