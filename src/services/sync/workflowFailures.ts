import { asGaswError, GaswError } from "../../errors.ts";
import { ApiError, isOutage } from "../../kubernetes/errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import { OtherCluster } from "../workflow/cluster.ts";

/** Workflows that are named in one sentence. */
const NAMED = 3;

/** What went wrong with one workflow of several. */
export interface WorkflowFailure {
  readonly workflow: StoredWorkflow;
  readonly error: unknown;
}

/**
 * What went wrong with workflows, as a user is told it: each with the workflow that it is about, where others
 * are well or fail otherwise. What all have in common is told once.
 * @param asked all workflows that could have failed
 */
export function nameFailures(
  failures: readonly WorkflowFailure[],
  asked: readonly StoredWorkflow[],
): GaswError[] {
  const alike = new Map<string, { readonly error: GaswError; readonly workflows: StoredWorkflow[] }>();
  for (const { workflow, error } of failures) {
    const known = asGaswError(error);
    // One outage has many words.
    const key = isOutage(known) ? "outage" : `${known.code} ${known.message}`;
    const group = alike.get(key) ?? { error: known, workflows: [] };
    group.workflows.push(workflow);
    alike.set(key, group);
  }
  return [...alike.values()].map(({ error, workflows }) =>
    workflows.length === asked.length ? error : named(error, workflows),
  );
}

function named(error: GaswError, workflows: readonly StoredWorkflow[]): GaswError {
  const [only, ...others] = workflows;
  // Some name it themselves.
  if (only !== undefined && others.length === 0 && `${error.message} `.includes(`workflow ${only.id} `))
    return error;
  const names = workflows.slice(0, NAMED).map(({ id, directory }) => `${id} (${directory})`);
  const more = workflows.length > NAMED ? [`${workflows.length - NAMED} more`] : [];
  const message = `workflow${others.length === 0 ? "" : "s"} ${[...names, ...more].join(", ")}: ${error.message}`;
  // What is behind it stays behind it: it tells outages and interruptions apart.
  const options = { hint: error.hint, cause: error instanceof ApiError ? error : error.cause };
  return error instanceof OtherCluster
    ? new OtherCluster(error.code, message, options)
    : new GaswError(error.code, message, options);
}
