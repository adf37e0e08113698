import path from "node:path";
import { isSameDirectory } from "../../directory.ts";
import { GaswError } from "../../errors.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";

/**
 * The job that a user means: a job id, a script's path, the Kubernetes name, or (where nothing is destroyed)
 * the beginning of one id. The first attempt's id names the invocation, and so its newest attempt.
 * @throws GaswError NOT_FOUND when there is none, USAGE when there are several
 */
export function findJob(
  store: Store,
  given: string,
  options: { prefix: boolean; workflow?: StoredWorkflow | undefined; cwd: string },
): StoredJob {
  // As kubectl has it: no id has a slash.
  const text = given.replace(/^jobs?(?:\.batch)?\//, "");
  const found = candidates(store, text, options);
  const [job, other] = found;
  if (job === undefined) {
    const where = options.workflow === undefined ? "" : ` in workflow ${options.workflow.id}`;
    throw new GaswError("NOT_FOUND", `no job ${text}${where} found on this host`, {
      hint: "check the job in `gasw-k8s status`, or set --workflow, or state.path for another state file",
    });
  }
  if (other !== undefined) {
    const some = found
      .slice(0, 5)
      .map((one) => `${one.workflow}/${one.id}`)
      .join(", ");
    throw new GaswError("USAGE", `${text} matches ${found.length} jobs: ${some}`, {
      hint: "give the full id, and add --workflow",
    });
  }
  return text === job.kubeName || job.attempt > 0 ? job : newestAttempt(store, job);
}

/** What a command calls a job: its script, where other workflows of this host have a job of its name. */
export function nameInCommands(
  store: Store,
  { fileName, directory }: Pick<StoredJob, "fileName" | "directory">,
): string {
  const isAmbiguous = store.jobs.lookUp(fileName, false).length > 1;
  return isAmbiguous ? path.join(directory, "sh", `${fileName}.sh`) : fileName;
}

function newestAttempt(store: Store, job: StoredJob): StoredJob {
  const workflow = store.workflows.find(job.namespace, job.workflow);
  return (workflow === undefined ? undefined : store.jobs.attempts(workflow, job.fileName).at(-1)) ?? job;
}

/** Whether a text names a script in a workflow's `sh/` rather than a job. */
export function isScriptPath(text: string, cwd: string): boolean {
  return text.endsWith(".sh") && path.basename(path.dirname(path.resolve(cwd, text))) === "sh";
}

function candidates(
  store: Store,
  text: string,
  { prefix, workflow, cwd }: { prefix: boolean; workflow?: StoredWorkflow | undefined; cwd: string },
): StoredJob[] {
  if (isScriptPath(text, cwd)) {
    const directory = path.dirname(path.dirname(path.resolve(cwd, text)));
    const id = path.basename(text, ".sh");
    // A path names its workflow itself.
    return store.jobs
      .lookUp(id, false)
      .filter((job) => job.id === id && isSameDirectory(job.directory, directory));
  }
  return store.jobs.lookUp(text, prefix, workflow);
}
