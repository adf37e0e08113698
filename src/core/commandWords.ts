import type { JobOptions } from "./job.ts";
import { shellWord } from "./shellWord.ts";

/** Stands in a command for the value that whoever runs it puts there. */
export const VALUE = "VALUE";

/** A command line of this tool, as a shell takes it. */
export function commandLine(...words: readonly string[]): string {
  return ["gasw-k8s", ...words].map(shellWord).join(" ");
}

/** The command that runs a job again, with what is to be different: `gasw-k8s retry Job-1 --memory 16Gi`. */
export function retryCommand(job: string, options: JobOptions = {}): string {
  return onJobs("retry", [job], optionWords(options));
}

/** The command that cancels a job. */
export function cancelCommand(job: string): string {
  return onJobs("cancel", [job]);
}

/** The command that submits a script. */
export function submitCommand(script: string, options: JobOptions = {}): string {
  return commandLine("submit", script, ...optionWords(options));
}

/** A command on jobs; a name that looks like an option is told from one. */
export function onJobs(command: string, jobs: readonly string[], options: readonly string[] = []): string {
  const isPlain = !jobs.some((job) => job.startsWith("-"));
  return isPlain
    ? commandLine(command, ...jobs, ...options)
    : commandLine(command, ...options, "--", ...jobs);
}

/** The options of a command line that state a request. Values of an environment may be secret: not shown. */
function optionWords({ resource = {}, env = {}, inputs: _, outputs: __, ...single }: JobOptions): string[] {
  return [
    ...Object.entries(single).flatMap(([name, value]) => [optionName(name), wordOf(name, value)]),
    ...Object.entries(resource).flatMap(([name, amount]) => ["--resource", `${name}=${amount}`]),
    ...Object.keys(env).flatMap((name) => ["--env", `${name}=${VALUE}`]),
  ];
}

/** The option that states a field of a request. */
export function optionName(field: string): string {
  return `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function wordOf(name: string, value: string | number): string {
  return name === "timeout" || name === "gracePeriod" ? `${value}s` : String(value);
}
