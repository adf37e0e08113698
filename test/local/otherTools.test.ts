import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, TestWorkflow } from "../e2e/harness.ts";

/** Runs until the file `go` appears in the workflow's directory. */
const GATE = "until [ -e go ]; do sleep 0.2; done\n";
const USAGE = 2;

/** What a person types who has learnt other tools, and which of our commands the answer names; none: it does what was meant. */
const LOOKING: readonly (readonly [typed: string, ...named: string[]])[] = [
  // kubectl
  ["get jobs", "status"],
  ["get job Going-1", "status Going-1"],
  ["get pods", "debug pods"],
  ["get nodes", "debug nodes"],
  ["describe Over-1"],
  ["describe job Over-1"],
  ["logs Over-1"],
  ["logs job/Over-1"],
  ["logs -f Over-1"],
  ["logs Over-1 --tail=20", "logs Over-1 | tail -n 20"],
  ["logs Over-1 --previous", "logs Over-1 --attempt 1"],
  ["events Over-1"],
  ["get events Over-1", "events Over-1"],
  ["wait job/Over-1"],
  ["wait --for=condition=complete job/Over-1", "wait Over-1"],
  ["explain Over-1", "why Over-1"],
  ["exec -it Going-1 -- true"],
  ["exec -it Going-1 true"],
  ["exec Going-1 ls -l", "exec Going-1 -- ls -l"],
  ["version", "--version"],
  ["config view", "config show"],
  // docker
  ["ps"],
  ["ps -q"],
  ["ps -a", "status --workflow DIR"],
  ["inspect Over-1", "describe Over-1", "status Over-1"],
  ["log Over-1", "logs Over-1"],
  ["tail -f Over-1", "logs Over-1 -f"],
  // Slurm, PBS, LSF, HTCondor
  ["squeue", "status"],
  ["squeue -u me", "status"],
  ["sacct -j Over-1", "status Over-1 --history"],
  ["scontrol show job Over-1", "describe Over-1", "status Over-1"],
  ["sinfo", "debug nodes"],
  ["qstat -f Over-1", "status Over-1"],
  ["bpeek Over-1", "logs Over-1"],
  ["condor_q", "status"],
  // GASW, git, and whoever guesses
  ["list"],
  ["ls", "status"],
  ["why Over-1"],
  ["getOutput Over-1", "logs Over-1"],
  ["status --json", ""],
  ["status --failed", "status --status ERROR"],
  ["status -A", "status"],
  ["-v status"],
  ["-o json status"],
  ["help"],
  ["help status"],
  ["doctor", "config check"],
  ["hold Going-1", "status Going-1"],
];

/** The same of what changes something; in this order, it has something to change. */
const ACTING: readonly (readonly [typed: string, ...named: string[]])[] = [
  ["apply -f sh/New-1.sh", "submit sh/New-1.sh"],
  ["sbatch --mem=2G sh/New-1.sh", "submit sh/New-1.sh"],
  ["qsub sh/New-1.sh", "submit sh/New-1.sh"],
  ["rerun Failed-1", "retry Failed-1"],
  ["scontrol release Over-1", "release Over-1"],
  ["unhold Over-1", "release Over-1"],
  ["scancel Going-1", "cancel Going-1"],
  ["kill -9 Going-1"],
  ["kill Going-1"],
  ["stop Going-1", "cancel Going-1"],
  ["delete job Going-1", "cancel Going-1", "cleanup"],
  ["rm -f Going-1", "cancel Going-1", "cleanup"],
  ["cancel --all", "cancel $(gasw-k8s status --status QUEUED,RUNNING -q)"],
  ["watch", "status --watch"],
];

let workflow: TestWorkflow;
beforeAll(async () => {
  workflow = new TestWorkflow();
  await workflow.cli("submit", workflow.script("Going-1", GATE));
  await workflow.runJob("Over-1", "echo done\n");
  await workflow.runJob("Failed-1", "exit 3\n");
  workflow.script("New-1", "true\n");
  await eventually(
    () => workflow.status("Going-1"),
    ({ status }) => status === "RUNNING",
  );
});
afterAll(() => workflow.cleanup());

/** The commands in an answer that can be copied, without the program's name. */
const commandsIn = (stderr: string) => [...stderr.matchAll(/`(?:cd \/ && )?gasw-k8s ([^`]*)`/g)].map(([, command = ""]) => command);

/** The cluster within the tests has no terminals: there, a command line for one can only be understood. */
const hasWorked = (line: string, code: number) => (line.startsWith("exec") ? code !== USAGE : code === 0);

async function type(line: string) {
  return await workflow.cli(...line.split(" "));
}

test("a person who types what other tools have taught gets what was meant, or the command that does it, which works as printed", async () => {
  for (const [typed, ...named] of [...LOOKING, ...ACTING]) {
    const { stderr, code } = await type(typed);
    if (named.length === 0) {
      expect({ typed, worked: hasWorked(typed, code), stderr }).toMatchObject({ typed, worked: true });
      continue;
    }
    const commands = commandsIn(stderr.split("; see gasw-k8s")[0] ?? "");
    expect({ typed, code, commands }).toEqual({ typed, code: USAGE, commands: named.filter((name) => name !== "") });
    const asPrinted = commands.filter((command) => !/\b(DIR|FILE)\b|\$\(/.test(command));
    for (const command of asPrinted) {
      // What watches goes on until all have ended.
      if (command.endsWith("--watch")) writeFileSync(path.join(workflow.directory, "go"), "");
      const [ours = ""] = command.split(" | ");
      const result = await type(ours);
      expect({ typed, command, worked: hasWorked(ours, result.code), ...result }).toMatchObject({ typed, worked: true });
    }
  }
  expect(await workflow.status("New-1")).toMatchObject({ status: "COMPLETED" });
  expect(await workflow.status("Failed-1")).toMatchObject({ attempt: 1 });
  expect(await workflow.status("Going-1")).toMatchObject({ status: "DELETED" });
});
