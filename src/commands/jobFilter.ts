import type { Context } from "../context.ts";
import { type JobRecord, statusCounts } from "../ui/jobs.ts";
import { duration, printable } from "../ui/output.ts";

/** The options of `status` that filter jobs. */
interface JobFilter {
  readonly sync?: boolean;
  readonly status?: readonly string[];
  /** Seconds. */
  readonly olderThan?: number;
  /** Seconds. */
  readonly newerThan?: number;
}

type Filtered = Pick<JobRecord, "status" | "created">;

/** Whether a job passes the filter. */
export function filterOf(
  { io }: Context,
  { status: wanted, olderThan, newerThan }: JobFilter,
): (job: Filtered) => boolean {
  const age = (job: Filtered) =>
    job.created === null ? 0 : (io.now().getTime() - Date.parse(job.created)) / 1000;
  return (job) =>
    (wanted === undefined || wanted.includes(job.status)) &&
    (olderThan === undefined || age(job) >= olderThan) &&
    (newerThan === undefined || age(job) <= newerThan);
}

/**
 * Explains why the list of jobs is empty, and where else to look.
 * @param workflow the id of the only one that is looked at
 * @param all what there would be without the options that choose among them
 */
export function noJobs(
  { store }: Context,
  workflow: string | undefined,
  all: readonly JobRecord[],
  options: JobFilter,
): string {
  const whose = workflow === undefined ? "this host" : `workflow ${printable(workflow)}`;
  if (all.length > 0) return `no jobs of ${whose} match ${filterText(options)}: it has ${statusCounts(all)}`;
  if (workflow !== undefined) return `${whose} has no jobs: \`gasw-k8s submit sh/NAME.sh\` submits one`;
  const state = `the state of this host (${printable(store.path)})`;
  if (options.sync === true) return `no jobs to synchronise in ${state}`;
  return `no active jobs in ${state}: for jobs that have ended, use --workflow DIR or run it in that directory`;
}

function filterText({ status, olderThan, newerThan }: JobFilter): string {
  return [
    ...(status === undefined ? [] : [`--status ${status.join(",")}`]),
    ...(olderThan === undefined ? [] : [`--older-than ${duration(olderThan * 1000)}`]),
    ...(newerThan === undefined ? [] : [`--newer-than ${duration(newerThan * 1000)}`]),
  ].join(" ");
}
