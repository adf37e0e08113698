import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, get, TestWorkflow } from "./harness.ts";
import { Terminal } from "./terminal.ts";

const PROMPT = /\$ $/;

describe("debug on a terminal", () => {
  let workflow: TestWorkflow;
  let terminal: Terminal | undefined;

  beforeAll(async () => {
    workflow = new TestWorkflow({ account: "admin" });
    await workflow.cli("submit", workflow.script("Running", "sleep 3600"));
    await workflow.runJob("Over", "echo fine");
    await eventually(
      () => workflow.status("Running"),
      ({ status }) => status === "RUNNING",
    );
  });
  /** Waits until the remote terminal has a size: it is told of one a moment after the shell begins. */
  const hasSize = (size: string) =>
    eventually(
      async () => {
        terminal?.type("stty size\r");
        return terminal?.text ?? "";
      },
      (text) => text.includes(size),
    );
  afterEach(() => terminal?.kill("SIGKILL"));
  afterAll(() => workflow.cleanup());

  test("a shell in the running job: size, Ctrl-C for the remote process, exit code", async () => {
    terminal = new Terminal(workflow, "debug", "shell", "Running");
    await terminal.sees(PROMPT);
    terminal.type("echo sum$((40+2))\r");
    await terminal.sees(/sum42\r+\n.*\$ $/);
    await hasSize("33 90");
    terminal.resize(101, 44);
    await hasSize("44 101");
    terminal.type("sleep 100; echo ended$?\r");
    await terminal.sees(/sleep 100/);
    terminal.type("\x03");
    await terminal.sees(/\^C.*\$ $/s);
    terminal.type("exit 7\r");
    expect(await terminal.ended).toBe(7);
  });

  test("exec has a terminal, too", async () => {
    terminal = new Terminal(workflow, "debug", "exec", "Running", "--", "sh", "-c", "[ -t 0 ] && [ -t 1 ] && exit 3");
    expect(await terminal.ended).toBe(3);
  });

  test("a shell of an ended job sees its files, and its pod is gone afterwards", async () => {
    terminal = new Terminal(workflow, "debug", "shell", "Over");
    await terminal.sees(PROMPT);
    terminal.type("cat out/Over.sh.out; exit 3\r");
    expect(await terminal.ended).toBe(3);
    expect(terminal.text).toContain("fine");
    await eventually(debugPods, (pods) => pods.length === 0);
  });

  test.each(["SIGTERM", "SIGHUP"])("a shell that is ended by %s takes its pod away", async (signal) => {
    terminal = new Terminal(workflow, "debug", "shell", "Over");
    await terminal.sees(PROMPT);
    expect(await debugPods()).not.toEqual([]);
    terminal.kill(signal);
    expect(await terminal.ended).toBe(130);
    await eventually(debugPods, (pods) => pods.length === 0);
  });

  async function debugPods(): Promise<unknown[]> {
    return (await get("pods", "-n", workflow.namespace, "-l", "app.kubernetes.io/component=debug")).items;
  }
});
