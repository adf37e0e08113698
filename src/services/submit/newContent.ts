import { optionChanges, optionsToState, type Submitted } from "../../core/contentChange.ts";
import { type ContentChange, type JobOptions, type JobRequest, storedRequest } from "../../core/job.ts";
import { WRITTEN_DOWN } from "../../core/lifecycle/marks.ts";
import { withOptions } from "../../core/manifests/settings.ts";
import type { OwnContent, StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { checkSubmissions } from "./checks.ts";
import { type Environment, knownEnvironment, only, optionsToRepeat, withEnvironment } from "./environment.ts";
import { nextRequest } from "./nextRequest.ts";
import { podSettings } from "./podSettings.ts";
import { currentScript, scriptOf } from "./scriptContent.ts";

/** What a job is to be from its next attempt on. */
export interface NewContent
  extends Pick<StoredJob, "contentHash" | "script" | "image" | "request" | "invocationId"> {
  /** In what it differs from what the job is. */
  readonly changes: readonly ContentChange[];
  /** Values of its environment that are kept nowhere before its Job has them. */
  readonly stated?: Environment;
}

/**
 * What a person who runs a job again makes of it: its newest attempt's content, with the options that were
 * given, and the script as it is now.
 * @returns undefined where that is what the job is already
 * @throws GaswError USAGE, CONFIG where it could not be submitted so; CLUSTER
 */
export async function newContent(
  deps: Deps,
  workflow: StoredWorkflow,
  job: StoredJob,
  given: JobOptions,
): Promise<NewContent | undefined> {
  const file = `${workflow.directory}/${scriptOf(job.fileName)}`;
  const { envNames = [] } = job.request;
  const known =
    envNames.length > 0 || given.env !== undefined ? await knownEnvironment(deps, workflow, job) : {};
  const after = optionsAfter(deps.config, job, { ...known, ...given.env }, given);
  const before = optionsBefore(job, known);
  const changes = optionChanges(submittedAs(deps.config, before), submittedAs(deps.config, after));
  const now = currentScript(file)?.content;
  const isChanged = now !== undefined && job.script !== null && job.script.sha256 !== now.sha256;
  // Of what an older version has submitted, the script is known from a retry on.
  const isFirstKnown = now !== undefined && job.script === null;
  // Without options, an attempt is what a failure would make it.
  const isOther = Object.keys(given).length > 0 && changes.length > 0;
  if (!isOther && !isChanged && !isFirstKnown) return undefined;
  const [checked] = checkSubmissions(
    deps.config,
    workflow,
    [{ script: file, options: after }],
    workflow.directory,
    true,
  );
  if (checked === undefined) throw new Error("a checked submission is missing");
  const all = [...changes, ...(isChanged ? [{ name: scriptOf(job.fileName) }] : [])];
  const { avoidNodes } = nextRequest(job, deps.config);
  return {
    contentHash: checked.request.contentHash,
    script: checked.request.script ?? null,
    image: podSettings(deps.config, after).image,
    request: {
      ...storedRequest(after),
      ...(avoidNodes === undefined ? {} : { avoidNodes }),
      ...(all.length === 0 ? {} : { changes: all }),
    },
    invocationId: given.invocationId ?? job.invocationId,
    changes: all,
    ...(changes.some(({ name }) => name.startsWith("env ")) ? { stated: given.env ?? {} } : {}),
  };
}

/**
 * What an attempt that is added has of a new content. One whose environment's values are kept nowhere yet is
 * submitted by whoever has stated them, and by nobody else.
 */
export function ownOf({ contentHash, script, image, invocationId, stated }: NewContent): OwnContent {
  return { contentHash, script, image, invocationId, ...(stated === undefined ? {} : WRITTEN_DOWN) };
}

function optionsBefore(job: StoredJob, known: Environment): JobOptions {
  const { envNames = [], avoidNodes: _, corrects: __, changes: ___, ...options } = job.request;
  return envNames.length === 0 ? options : { ...options, env: only(envNames, known) };
}

/** @throws GaswError CONFIG where a value of the environment is not known any more */
function optionsAfter(
  config: Deps["config"],
  job: StoredJob,
  known: Environment,
  given: JobOptions,
): JobOptions {
  const { envNames = [], ...request } = nextRequest(job, config);
  const { env, resource, ...options } = given;
  const names = [...new Set([...envNames, ...Object.keys(env ?? {})])];
  return withEnvironment(
    job,
    {
      ...request,
      ...options,
      ...(resource === undefined ? {} : { resource: { ...request.resource, ...resource } }),
      ...(names.length === 0 ? {} : { envNames: names }),
    },
    known,
  );
}

/** What of a job's options is to be stated so that it runs as a submission says. */
export function optionsFor(
  config: Deps["config"],
  job: StoredJob,
  { options, script }: Pick<JobRequest, "options" | "script">,
): JobOptions {
  const before = submittedAs(config, optionsToRepeat(job));
  return optionsToState(before, submittedAs(config, options), script?.sha256 !== job.script?.sha256);
}

function submittedAs(config: Deps["config"], options: JobOptions): Submitted {
  const image = options.image ?? config.image ?? "";
  return { options, settings: withOptions({ ...config, image, ttl: config.options.ttlJob }, options) };
}
