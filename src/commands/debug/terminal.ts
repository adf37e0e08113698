import type { Context } from "../../context.ts";
import { homeOf } from "../../core/manifests/home.ts";
import { scriptFolder } from "../../core/manifests/job.ts";
import { MAIN_CONTAINER } from "../../core/manifests/mainContainer.ts";
import type { V1Pod } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { exec as run } from "../../kubernetes/terminal.ts";
import { withDebugPod } from "../../services/debug/pod.ts";
import {
  findTarget,
  type JobTarget,
  type JobView,
  neverBegan,
  viewJob,
} from "../../services/debug/target.ts";
import { printable } from "../../ui/output.ts";
import { progress } from "../../ui/progress.ts";
import { hasTerminal, terminalSize, withRawTerminal } from "../../ui/rawTerminal.ts";

/** Seconds after which the cluster ends a shell's pod that was not deleted. */
const SHELL_LIFETIME = 12 * 3600;
/**
 * A shell, bash where the image has it, in the folder `$1` of the script and with a HOME that can be written,
 * as the script has them.
 */
const SHELL = [
  'if [ -d "$1" ]; then cd "$1"; fi',
  'if [ "$2" ] && { [ -z "$HOME" ] || [ "$HOME" = / ] || [ ! -w "$HOME" ]; }; then export HOME="$2"; fi',
  "command -v bash >/dev/null 2>&1 && exec bash; exec sh",
].join("\n");

function shellIn(pod: V1Pod | undefined): string[] {
  const folder = pod === undefined ? undefined : scriptFolder(pod);
  const home = pod === undefined ? undefined : homeOf(pod);
  return ["sh", "-c", SHELL, "sh", folder ?? "", home ?? ""];
}

export interface TerminalOptions {
  readonly workflow?: string;
  /** False: pipes even where there is a terminal. */
  readonly tty?: boolean;
}

interface Place {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** `debug exec JOB -- CMD…`: the command's own exit code. */
export async function exec(
  context: Context,
  name: string,
  command: readonly string[],
  options: TerminalOptions,
): Promise<number> {
  if (command.length === 0)
    throw new GaswError("USAGE", "no command given", {
      hint: `use gasw-k8s debug exec ${name} -- COMMAND [ARGUMENT…]`,
    });
  const { target, view } = await look(context, name, options);
  refuseUnlessBegun(target, view);
  if (view.seen.phase !== "running") {
    throw new GaswError("NOT_FOUND", `job ${target.id} has ended: it has no running container`, {
      hint: `use \`gasw-k8s debug shell ${target.id}\` to open a new pod with its image, volumes and directory`,
    });
  }
  return await attach(context, ownContainer(target, view), command, options);
}

/** `debug shell JOB`: in the job's container while it runs, else in a fresh pod. */
export async function shell(context: Context, name: string, options: TerminalOptions): Promise<number> {
  const { target, view } = await look(context, name, options);
  if (view.seen.phase === "running")
    return await attach(context, ownContainer(target, view), shellIn(view.pod), options);
  refuseUnlessBegun(target, view);
  const { io } = context;
  io.stderr.write(
    `job ${printable(target.id)} has ended: opening a new pod with its image, volumes and directory\n`,
  );
  const line = await progress(io, { text: "waiting for the pod" });
  let isWaiting = true;
  const stop = () => {
    if (isWaiting) line.stop();
    isWaiting = false;
  };
  const onWait = (reason: string) => line.update({ text: `waiting for the pod (${printable(reason)})` });
  try {
    return await withDebugPod(
      context,
      target,
      { lifetime: SHELL_LIFETIME, job: view.job, onWait },
      async ({ name: pod, container, made }) => {
        stop();
        io.stderr.write(`pod ${pod}, which will be deleted when you exit\n`);
        return await attach(context, { namespace: target.namespace, pod, container }, shellIn(made), options);
      },
    );
  } finally {
    stop();
  }
}

/** A job that waits, or was not even submitted, has neither a container nor a past. */
function refuseUnlessBegun(target: JobTarget, view: JobView): void {
  const isUnsubmitted = neverBegan(target, view);
  if (!isUnsubmitted && view.seen.phase !== "waiting") return;
  throw new GaswError(
    "NOT_FOUND",
    `job ${target.id} ${isUnsubmitted ? "is not submitted yet" : "has not started"}: it has no container`,
    {
      hint: `run \`gasw-k8s debug why ${target.id}\` to see why it is waiting`,
    },
  );
}

async function look(
  context: Context,
  name: string,
  { workflow }: TerminalOptions,
): Promise<{ target: JobTarget; view: JobView }> {
  const target = await findTarget(context, name, { workflow, cwd: context.io.cwd });
  return { target, view: await viewJob(context, target) };
}

function ownContainer({ namespace }: JobTarget, { pod }: JobView): Place {
  return { namespace, pod: pod?.metadata?.name ?? "", container: MAIN_CONTAINER };
}

/** Joins our streams to a command's: as a terminal where a person sits at one, else unmixed. */
async function attach(
  context: Context,
  place: Place,
  command: readonly string[],
  options: TerminalOptions,
): Promise<number> {
  const { io, client, signal } = context;
  const request = { ...place, command, stdin: io.stdin, stdout: io.stdout, stderr: io.stderr };
  if (options.tty !== false && hasTerminal(io)) {
    return await withRawTerminal(io, () => run(client, { ...request, terminal: terminalSize(io) }, signal));
  }
  const onOpenStdin = () =>
    context.warn("this cluster is too old to signal the end of input: press Ctrl-C to end the command");
  return await run(client, { ...request, onOpenStdin }, signal);
}
