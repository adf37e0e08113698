import { retryCommand } from "../../core/commandWords.ts";
import { variableName } from "../../core/contentChange.ts";
import type { JobOptions, StoredRequest } from "../../core/job.ts";
import { plain } from "../../core/manifests/container.ts";
import { MAIN_CONTAINER } from "../../core/manifests/mainContainer.ts";
import type { V1Job } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { getJob } from "../../kubernetes/jobs.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";

/** Values of an environment by the names of its variables. */
export type Environment = Readonly<Record<string, string>>;

/**
 * The options of an attempt that the state knows. The values of its environment are kept in the cluster alone,
 * in the Job of an attempt before; without it, the configuration may state them.
 * @param stated values that somebody has just stated
 * @throws GaswError CONFIG when that Job is gone, and neither states them
 */
export async function optionsOf(
  deps: Deps,
  workflow: StoredWorkflow,
  job: StoredJob,
  stated: Environment = {},
): Promise<JobOptions> {
  const { envNames = [] } = job.request;
  const isStated = envNames.every((name) => Object.hasOwn(stated, name));
  const known = isStated ? stated : { ...(await knownEnvironment(deps, workflow, job)), ...stated };
  return withEnvironment(job, job.request, known);
}

/**
 * A request's options with the values of its environment.
 * @throws GaswError CONFIG when they are not all known
 */
export function withEnvironment(
  { fileName }: Pick<StoredJob, "fileName">,
  request: StoredRequest,
  known: Environment,
): JobOptions {
  const { envNames = [], avoidNodes: _, corrects: __, changes: ___, ...options } = request;
  if (envNames.length === 0) return options;
  const env = only(envNames, known);
  const missing = envNames.filter((name) => !Object.hasOwn(env, name));
  if (missing.length === 0) return { ...options, env };
  const command = retryCommand(fileName, { env: Object.fromEntries(missing.map((name) => [name, ""])) });
  throw new GaswError(
    "CONFIG",
    `job ${fileName} cannot be submitted again: its --env values were stored only in its Job, which no longer exists`,
    { hint: `state them again with \`${command}\`, or set them in \`env\` of the configuration` },
  );
}

/** The values of some variables. */
export function only(names: readonly string[], values: Environment): Environment {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

/**
 * What is known of an invocation's environment: from the newest of its Jobs that is left, without what was
 * stated anew since, and from the configuration.
 */
export async function knownEnvironment(
  { store, client, config }: Deps,
  workflow: StoredWorkflow,
  { fileName }: Pick<StoredJob, "fileName">,
): Promise<Environment> {
  const restated = new Set<string>();
  for (const { namespace, kubeName, request } of store.jobs.attempts(workflow, fileName).reverse()) {
    const found = await getJob(client, namespace, kubeName);
    if (found !== undefined) {
      const kept = environmentIn(found).filter(([name]) => !restated.has(variableName(name)));
      return { ...config.env, ...Object.fromEntries(kept) };
    }
    for (const { name } of request.changes ?? []) restated.add(name);
  }
  return config.env;
}

function environmentIn(job: V1Job): [name: string, value: string][] {
  const main = job.spec?.template.spec?.containers.find(({ name }) => name === MAIN_CONTAINER);
  return (main?.env ?? []).map(({ name, value }) => [name, plain(value ?? "")]);
}

/** The options that a job was submitted with, for a command; values of its environment are not known. */
export function optionsToRepeat({ request }: Pick<StoredJob, "request">): JobOptions {
  const { envNames = [], avoidNodes: _, corrects: __, changes: ___, ...options } = request;
  return envNames.length === 0 ? options : { ...options, env: unknownValues(envNames) };
}

/** The options that are to be stated where a job's Job is removed: the values of its environment go with it. */
export function optionsAfterRemoval({ request }: Pick<StoredJob, "request">, given: JobOptions): JobOptions {
  const { envNames = [] } = request;
  return envNames.length === 0 ? given : { ...given, env: { ...unknownValues(envNames), ...given.env } };
}

function unknownValues(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, ""]));
}
