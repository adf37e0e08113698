import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeAll(async () => {
  workflow = new TestWorkflow({ config: { nodeSelector: { "gasw-k8s.io/test": "no-node" } } });
  expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ code: 0 });
});
afterAll(() => workflow.cleanup());

let number = 0;

/** A program that begins something that takes longer than any test, and tells when it has. */
function waiting(name: string, preparation: string): { readonly begun: () => Promise<unknown>; readonly gone: () => Promise<unknown> } {
  const file = path.join(workflow.folder, name);
  const mark = `9999${number++}.${path.basename(workflow.folder).replace(/\D/g, "")}`;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/bash\n${preparation}\nsleep ${mark} &\ntouch ${file}.begun\nwait\n`);
  chmodSync(file, 0o755);
  return {
    begun: () => eventually(async () => existsSync(`${file}.begun`), Boolean),
    // The program itself, and what it has begun; what is killed takes a moment.
    gone: () =>
      eventually(
        async () => commandLines().filter((line) => line.includes(file) || line.includes(`sleep ${mark}`)),
        (alive) => alive.length === 0,
      ),
  };
}

function commandLines(): string[] {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

/** A kubeconfig whose user logs in by a command. */
function loggingIn(command: string): string {
  const file = path.join(workflow.folder, `kubeconfig-${number}`);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command, interactiveMode: "Never" };
  const kubeconfig = {
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
    users: [{ name: "u", user: { exec } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  writeFileSync(file, JSON.stringify(kubeconfig));
  return file;
}

describe.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("a %s ends a command at once that waits for", (signal) => {
  test.each([
    ["a login command", "true"],
    ["a login command that does not heed it", "trap '' TERM INT HUP"],
  ])("%s, and that one with it", async (_, preparation) => {
    const login = waiting(`login-${number}`, preparation);
    workflow.configure({ k8sKubeConfig: loggingIn(path.join(workflow.folder, `login-${number - 1}`)) });
    const running = workflow.start("status");
    await login.begun();
    running.kill(signal);
    expect(await running.ended).toMatchObject({ code: 130, stderr: expect.stringContaining("interrupted: ") });
    await login.gone();
  });

  test("a JDBC driver's Java, and that with it", async () => {
    const java = waiting(`java-${number}/bin/java`, "true");
    workflow.configure({ dao: { url: "jdbc:h2:tcp://127.0.0.1:1/db", driverJar: workflow.configFile } });
    const home = path.join(workflow.folder, `java-${number - 1}`);
    const running = workflow.startWith({ env: { JAVA_HOME: home } }, "status", "--sync");
    await java.begun();
    running.kill(signal);
    expect(await running.ended).toMatchObject({ code: 130, stderr: expect.stringContaining("interrupted: ") });
    await java.gone();
  });
});
