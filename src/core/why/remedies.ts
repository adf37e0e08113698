import { commandLine, onJobs, VALUE } from "../commandWords.ts";
import type { Facts } from "./facts.ts";

/** What stands in a command for what whoever runs it has to put there. */
export const PLACEHOLDERS = { image: "NAME", amount: "AMOUNT", duration: "DURATION" } as const;

/** What of the facts a command is made from. */
type Named = Pick<Facts, "job" | "state">;

/** A command of this tool about the job, ready to be copied: `gasw-k8s debug logs Job-1`. */
export function command(job: Facts["job"], words: string, ...options: readonly string[]): string {
  const [first = "", ...others] = words.split(" ");
  const subject = job.id === job.fileName ? nameOf(job) : job.id;
  return others.length === 0
    ? `\`${onJobs(first, [subject], options)}\``
    : `\`${commandLine(first, ...others, subject, ...options)}\``;
}

/**
 * The command that runs the job again with options that are to be different, ready to be copied; one that goes
 * on is cancelled for that, which takes the values of its environment away.
 */
export function rerun({ job, state }: Named, ...options: readonly string[]): string {
  const name = nameOf(job);
  const isGoingOn = state.status === "QUEUED" || state.status === "RUNNING";
  if (!isGoingOn) return `\`${onJobs("retry", [name], options)}\``;
  const variables = (job.envNames ?? []).flatMap((variable) => ["--env", `${variable}=${VALUE}`]);
  const retry = onJobs("retry", [name], [...options, ...variables]);
  return `\`${onJobs("cancel", [name])} && ${retry}\``;
}

/** A command of this tool about the job's workflow, wherever it is run. */
export function onWorkflow({ directory }: Facts["job"], words: string): string {
  return `\`${commandLine(...words.split(" "), "--workflow", directory)}\``;
}

/** A command of the shell that mends something, and what runs the job again after it. */
export function mendAndRerun({ job }: Named, mend: string): string {
  return `\`${mend} && ${onJobs("retry", [nameOf(job)])}\``;
}

/** Says how a job is run again, after what mends it. */
export function again(facts: Named): string {
  return `${rerun(facts)} runs it again`;
}

/** What a command calls the job, whatever attempt of it is meant. */
function nameOf({ name, fileName }: Facts["job"]): string {
  return name ?? fileName;
}
