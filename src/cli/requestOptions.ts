import type { Command, OptionValues } from "commander";
import type { StatedOptions } from "../commands/requests.ts";

/** The options that state one value of a request each, by their names in it. */
const REQUEST_OPTIONS = [
  "image",
  "cpu",
  "cpuLimit",
  "memory",
  "ephemeralStorage",
  "gpu",
  "timeout",
  "gracePeriod",
  "queue",
  "invocationId",
  "command",
  "parameters",
];

/** Adds the options that state what a job is submitted with: those of `submit`, and of `retry`. */
export function withRequestOptions(command: Command): Command {
  return withPodOptions(command)
    .option(
      "--invocation-id <number>",
      "invocation id to store in the GASW database (part of the job's content)",
    )
    .option("--command <text>", "command to store in the GASW database (part of the job's content)")
    .option("--parameters <text>", "parameters to store in the GASW database (part of the job's content)");
}

/** Adds those of them that say what the job's pod is like. */
export function withPodOptions(command: Command): Command {
  return command
    .option("--image <name>", "container image")
    .option("--cpu <quantity>", "CPU request, such as 2 or 500m")
    .option("--cpu-limit <quantity>", "CPU limit, at least the CPU request (default: none)")
    .option("--memory <quantity>", "memory request and limit, such as 4Gi")
    .option(
      "--ephemeral-storage <quantity>",
      "request and limit of temporary storage on the node, such as 10Gi",
    )
    .option("--gpu <number>", "number of GPUs (nvidia.com/gpu)")
    .option(
      "--resource <name=qty>",
      "amount of another resource, such as nvidia.com/mig-1g.5gb=1, amd.com/gpu=2 or hugepages-2Mi=1Gi (may be repeated)",
      collect,
    )
    .option("--timeout <duration>", "maximum run time of the job's pod")
    .option("--grace-period <duration>", "time between SIGTERM and SIGKILL when the job is stopped")
    .option("--queue <name>", "Kueue local queue")
    .option("--env <key=value>", "environment variable (may be repeated)", collect);
}

/** The options of a command line that state one value of a request each. */
export function statedOptions(given: OptionValues): StatedOptions["request"] {
  const values = REQUEST_OPTIONS.map((name) => [name, given[name]] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}
