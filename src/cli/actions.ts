import type { Command } from "commander";
import { QUIET_OPTION, statusDirectory, type Terms, WORKFLOW_OPTION, withCommonOptions } from "./options.ts";
import { statedOptions, withRequestOptions } from "./requestOptions.ts";

/** What each command does, in its help. */
const ACTIONS = {
  cancel: {
    description:
      "Cancels jobs: stops running jobs, and prevents waiting and failed ones from being started or retried. Idempotent.",
    example: "gasw-k8s cancel Job-1 Job-2",
  },
  retry: {
    description:
      "Resubmits jobs that failed, were cancelled or never reached the cluster; with options or a changed script, as what these say. Idempotent.",
    example:
      "gasw-k8s retry Job-1\n  gasw-k8s retry Job-1 --memory 16Gi --timeout 2h\n  gasw-k8s retry Job-1 Job-2 --image registry.example.org/tools:2",
  },
  release: {
    description: "Releases held jobs (ERROR_HELD, STALLED_HELD): submits each one again. Idempotent.",
    example: "gasw-k8s release Job-1",
  },
} as const;

/** Adds one of `cancel`, `retry` and `release`. */
export function addActions(
  program: Command,
  { io, runWithContext }: Terms,
  action: keyof typeof ACTIONS,
): void {
  const { description, example } = ACTIONS[action];
  const command = withCommonOptions(program.command(`${action} <job...>`))
    .description(`${description} Prints the ids of their latest attempts.`)
    .option(...WORKFLOW_OPTION)
    .option(...QUIET_OPTION);
  if (action === "retry") withRequestOptions(command);
  command.addHelpText("after", `\nExamples:\n  ${example}\n`).action(async (jobs: string[], given) => {
    const { actOn } = await import("../commands/act.ts");
    await runWithContext(given, statusDirectory(given, io), (context) =>
      actOn(context, action, jobs, { ...given, request: statedOptions(given) }),
    );
  });
}
