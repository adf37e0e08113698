import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { objects, silence } from "./cleanup.ts";
import { sqliteDatabase } from "./gaswDatabase.ts";
import { apply, eventually, get, type Result, TestWorkflow } from "./harness.ts";
import { commandsIn, quotedCommandsIn } from "./page.ts";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/engine-gone.md"), "utf8");
const COMMANDS = [...new Set([...commandsIn(page), ...quotedCommandsIn(page)])];
const [ADOPTIONS, CLEANUPS] = ["adopt", "cleanup"].map((verb) => COMMANDS.filter((command) => command.startsWith(`gasw-k8s ${verb}`)));
const SWEEPS = (CLEANUPS ?? []).filter((command) => command.includes("--orphaned"));

/** A workflow whose engine is gone, and an administrator who knows nothing of it. */
let left: TestWorkflow;
let administrator: TestWorkflow;
beforeEach(() => {
  left = new TestWorkflow({ config: { labels: { team: "mri" } } });
  administrator = new TestWorkflow({ namespace: left.namespace });
  administrator.configure({}, "admin");
});
afterEach(async () => {
  await left.cleanup();
  await administrator.cleanup();
});

/** Runs a command of the page on what is the test's own: the page's names stand for its workflow, namespace and directory. */
function run(command: string, { id = left.id } = {}): Promise<Result> {
  const args = command
    .replace("/workflows/workflow-gENTZc", left.directory)
    .replace("workflow-gENTZc", id)
    .replace(/ -n vip\b/, "")
    .split(" ")
    .slice(1);
  const isSweep = args.includes("--orphaned");
  const age = isSweep && !args.includes("--older-than") ? ["--older-than", "0s"] : [];
  return administrator.cliWith({ cwd: administrator.folder }, ...args, ...age, "-n", left.namespace);
}

test("the page has the commands that it is about", () => {
  expect(CLEANUPS?.length).toBeGreaterThan(6);
  expect(COMMANDS.filter((command) => !ADOPTIONS?.includes(command) && !CLEANUPS?.includes(command))).toEqual([]);
  expect(SWEEPS.filter((command) => command.includes("--yes"))).toHaveLength(2);
});

test("each command of the page that only looks shows the workflow that is left; the one that removes it does", async () => {
  await left.runJob("Done-1", "true\n");
  await silence(left);
  const before = await objects(left.namespace);
  for (const command of (CLEANUPS ?? []).filter((one) => !one.includes("--yes"))) {
    const { code, stdout, stderr } = await run(command);
    expect({ code, stderr }, command).toEqual({ code: 0, stderr: expect.not.stringMatching(/^warning/m) });
    expect(stdout, command).toContain(command.includes("--orphaned") ? ` ${left.id} ` : `remove  Job `);
    if (command.includes("--orphaned"))
      expect(stdout, command).toMatch(command.includes("--older-than") ? /^in use .*it was in use not long ago$/m : /^finished /m);
  }
  expect(await objects(left.namespace)).toEqual(before);
  const [removal = ""] = SWEEPS.filter((command) => command.includes("--yes") && !command.includes("--legacy"));
  expect(await run(removal)).toMatchObject({ code: 0, stdout: expect.stringContaining("removed PersistentVolume ") });
  expect(await objects(left.namespace)).toEqual([]);
});

test("the command of the page that adopts the workflow instead does", async () => {
  left.configure({ dao: sqliteDatabase(path.join(left.folder, "gasw.db")).config });
  await left.runJob("Done-1", "true\n");
  await left.cli("status", "--sync");
  rmSync(path.dirname(left.stateFile), { recursive: true });
  for (const command of ADOPTIONS ?? []) {
    const { code, stdout } = await left.cli(...command.replace("DIR", left.directory).split(" ").slice(1));
    expect({ code, stdout }, command).toEqual({ code: 0, stdout: expect.stringMatching(/^Done-1 +COMPLETED /m) });
  }
});

test("the command of the page that removes a workflow of the Java plugin does", async () => {
  await left.cli("submit", left.script("Done-1", "true\n"));
  const id = `plugin-${left.id}`;
  const spec = { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: id };
  const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: `${id}-claim`, namespace: left.namespace } };
  const volume = { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: id } };
  await apply(
    {
      ...volume,
      spec: {
        accessModes: spec.accessModes,
        capacity: { storage: "1Gi" },
        persistentVolumeReclaimPolicy: "Retain",
        nfs: { server: "127.0.0.1", path: path.join(left.folder, id) },
        claimRef: { namespace: left.namespace, name: `${id}-claim` },
      },
    },
    { ...claim, spec: { ...spec, resources: { requests: { storage: "1Gi" } } } },
  );
  // What changes while it is looked at is left alone.
  await eventually(
    () => Promise.all([get("pvc", `${id}-claim`, "-n", left.namespace), get("pv", id)]),
    (both) => both.every(({ status }) => status.phase === "Bound"),
  );
  const [removal = ""] = SWEEPS.filter((command) => command.includes("--yes") && command.includes("--legacy"));
  const { code, stdout } = await run(removal, { id });
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^removed PersistentVolume ${id}$`, "m"));
  expect((await objects(left.namespace)).filter((name) => name.includes(id))).toEqual([]);
});
