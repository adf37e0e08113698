import { type IPty, spawn } from "@lydell/node-pty";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, get, PROGRAM, TestWorkflow } from "./harness.ts";

/** The program on a terminal of its own. */
class Terminal {
  readonly #pty: IPty;
  readonly ended: Promise<number>;
  text = "";

  constructor(workflow: TestWorkflow, ...args: readonly string[]) {
    const env = { ...workflow.env, TERM: "xterm" } as Record<string, string>;
    this.#pty = spawn(process.execPath, [PROGRAM, ...args], { cols: 90, rows: 33, cwd: workflow.directory, env });
    this.#pty.onData((data) => {
      this.text += data;
    });
    this.ended = new Promise((resolve) => this.#pty.onExit(({ exitCode }) => resolve(exitCode)));
  }

  /** Waits for a text, and forgets what came before it. */
  async sees(wanted: RegExp): Promise<void> {
    await eventually(
      async () => this.text,
      (text) => wanted.test(text),
      40,
    );
    this.text = "";
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#pty.resize(columns, rows);
  }

  kill(signal: string): void {
    this.#pty.kill(signal);
  }
}

const PROMPT = /\$ $/;

describe("debug on a terminal", () => {
  let workflow: TestWorkflow;
  let terminal: Terminal | undefined;

  beforeAll(async () => {
    workflow = new TestWorkflow({ account: "admin" });
    await workflow.cli("submit", workflow.script("Running", "sleep 300"));
    await workflow.runJob("Over", "echo fine");
    await eventually(
      () => workflow.status("Running"),
      ({ status }) => status === "RUNNING",
    );
  });
  afterEach(() => terminal?.kill("SIGKILL"));
  afterAll(() => workflow.cleanup());

  test("a shell in the running job: size, Ctrl-C for the remote process, exit code", async () => {
    terminal = new Terminal(workflow, "debug", "shell", "Running");
    await terminal.sees(PROMPT);
    terminal.type("echo sum$((40+2)); stty size\r");
    await terminal.sees(/sum42\r+\n33 90\r+\n.*\$ $/);
    terminal.resize(101, 44);
    await eventually(
      async () => {
        terminal?.type("stty size\r");
        return terminal?.text ?? "";
      },
      (text) => text.includes("44 101"),
      20,
    );
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
    await eventually(debugPods, (pods) => pods.length === 0, 30);
  });

  test.each(["SIGTERM", "SIGHUP"])("a shell that is ended by %s takes its pod away", async (signal) => {
    terminal = new Terminal(workflow, "debug", "shell", "Over");
    await terminal.sees(PROMPT);
    expect(await debugPods()).not.toEqual([]);
    terminal.kill(signal);
    expect(await terminal.ended).toBe(130);
    await eventually(debugPods, (pods) => pods.length === 0, 30);
  });

  async function debugPods(): Promise<unknown[]> {
    return (await get("pods", "-n", workflow.namespace, "-l", "app.kubernetes.io/component=debug")).items;
  }
});
