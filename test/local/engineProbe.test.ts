import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { objects } from "../e2e/cleanup.ts";
import { errorOf } from "../e2e/expectations.ts";
import { eventually, get, printed, type Result, TestWorkflow } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

/** The folder that holds the workflow directories. */
const location = () => path.dirname(workflow.directory);

interface Check {
  readonly check: string;
  readonly subject: string;
  readonly result: string;
  readonly message: string | null;
  readonly hint: string | null;
}

/** What a probe has found. */
async function probed(...args: readonly string[]): Promise<{ checks: Check[]; result: Result }> {
  const result = await workflow.cli("engine", "probe", "-o", "json", ...args);
  expect(misfits("engineProbe", result.stdout)).toEqual([]);
  const { ok, checks } = JSON.parse(result.stdout);
  expect(ok).toBe(result.code === 0);
  return { checks, result };
}

/** Whatever a probe has left: objects, Leases, directories, and what it has written beside the configuration. */
async function left(): Promise<string[]> {
  const { items: leases } = await get("leases", "-n", workflow.namespace);
  return [
    ...(await objects(workflow.namespace)),
    ...leases.map(({ metadata }: { metadata: { name: string } }) => `Lease ${metadata.name}`),
    ...readdirSync(location()).filter((name) => name.startsWith("workflow-probe")),
    ...readdirSync(workflow.folder).filter((name) => name !== "workflows" && name !== path.basename(workflow.configFile)),
  ];
}

/** Programs that the image has, beside its own: what GASW's scripts look for in the first line of bosh. */
function putTools(): string {
  const folder = path.join(location(), "tools");
  mkdirSync(folder);
  const put = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    chmodSync(path.join(folder, name), 0o755);
  };
  put("python", "#!/bin/bash\necho 3.11.2\n");
  put("boutiques-python", '#!/bin/bash\n[ "$1" = -c ] && echo 0.5.33\nexit 0\n');
  put("bosh", `#!${folder}/boutiques-python\n`);
  return folder;
}

describe("engine probe", () => {
  test("finds nothing wrong where the image has all that GASW's scripts need, and leaves nothing but the shared volumes", async () => {
    const tools = putTools();
    const shared = { name: "Tools", nfsFolder: "tools", mountPathContainer: tools, accessModes: "ReadOnlyMany" };
    const env = { SITE_NAME: "site.example.org", PATH: `${tools}:/usr/local/bin:/usr/bin:/bin` };
    workflow.configure({ volumes: [shared], env });
    const { checks, result } = await probed();
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(checks.filter(({ result }) => result === "refused")).toEqual([]);
    expect(checks.map(({ check, subject }) => `${check} ${subject}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^job ran in image localhost\/gasw-k8s\/bash:1 on node \S+ as user 65534$/),
        expect.stringMatching(/^directory \S+\/workflow-probe-[0-9a-f]{8} is the same directory here and in the pod$/),
        "image python 3.11.2",
        `image bosh ${tools}/bosh (${tools}/boutiques-python)`,
        "image boutiques 0.5.33",
        expect.stringMatching(/^home HOME=\S+ is writable$/),
        "environment SITE_NAME=site.example.org",
      ]),
    );
    const names = (await left()).map((name) => name.split(" ")[0]);
    expect(names).toEqual(["PersistentVolume", "PersistentVolumeClaim"]);
  });

  test("looks for bosh where the settings of the engine's directory say", async () => {
    const tools = putTools();
    const shared = { name: "Tools", nfsFolder: "tools", mountPathContainer: tools, accessModes: "ReadOnlyMany" };
    workflow.configure({ volumes: [shared] });
    mkdirSync(path.join(workflow.folder, "engine/conf"), { recursive: true });
    writeFileSync(path.join(workflow.folder, "engine/conf/settings.conf"), `bosh.cvmfs.path = "${tools}"\n`);
    const boshIn = (checks: readonly Check[]) => checks.find(({ subject }) => subject.startsWith("bosh"));
    const { checks } = await probed(path.join(workflow.folder, "engine"));
    expect(boshIn(checks)).toMatchObject({ result: "ok", subject: `bosh ${tools}/bosh (${tools}/boutiques-python)` });
    expect(boshIn((await probed()).checks)).toMatchObject({ result: "refused", message: "the image has no `bosh`" });
  });

  test("refuses a directory that is not an engine's, before any job", async () => {
    const result = await workflow.cli("engine", "probe", workflow.directory);
    expect(result).toMatchObject({ stdout: "", code: 3 });
    expect(result.stderr).toMatch(/has no conf\/\nhint: name the directory of the engine/);
  });

  test("names each thing that is missing, with what to do, and ends with 1", async () => {
    workflow.configure({ env: { HOME: "/etc" } });
    const { stdout, stderr, code } = await workflow.cli("engine", "probe");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: not ready for GASW's jobs: the image has no `python`\nhint: see each line above .*`gasw-k8s engine probe` again$/m,
    );
    expect(stdout).toMatch(
      /^refused {2}image {8}bosh\n {2}the image has no `bosh`\n {2}hint: install boutiques in the image \(docs\/images\.md/m,
    );
    expect(stdout).toMatch(
      /^refused {2}home {9}HOME\n {2}user 65534 of the pod cannot write to HOME=\/etc\n {2}hint: remove HOME from `env`/m,
    );
    expect(stdout).toMatch(/^limited {2}environment {2}SITE_NAME\n.*not recorded\n {2}hint: set `env\.SITE_NAME`/m);
    expect(await left()).toEqual([]);
  });

  test("says why the job does not run, and ends as a wait that was too long", async () => {
    const { checks, result } = await probed("--cpu", "2000", "--wait-timeout", "1s");
    expect(result.code).toBe(124);
    expect(checks).toEqual([
      {
        check: "job",
        subject: "the probe job",
        result: "refused",
        message: expect.stringMatching(/^the probe job is waiting.*no node .*CPU/i),
        hint: expect.not.stringContaining("Probe-"),
      },
    ]);
    expect(await left()).toEqual([]);
  });

  test("says why the image does not come, with a command that tries another one", async () => {
    workflow.configure({ image: "localhost/none:1", pending: { ErrImagePull: 0, ImagePullBackOff: 0 } });
    const { checks, result } = await probed();
    expect(result.code).toBe(1);
    expect(checks).toMatchObject([
      { check: "job", message: expect.stringContaining("the probe job failed: its image localhost/none:1 cannot be pulled") },
    ]);
    expect(checks[0]?.hint).toContain("`gasw-k8s engine probe --image NAME`");
    expect(await left()).toEqual([]);
  });

  test("tells what a submission is refused for with that error's exit code", async () => {
    workflow.configure({ image: undefined });
    expect((await probed()).result.code).toBe(3);
    workflow.configure({ workflowsLocation: "/nowhere" });
    const { checks, result } = await probed();
    expect(result.code).toBe(3);
    expect(checks).toMatchObject([{ message: expect.stringContaining("no workflow directory can be made in /nowhere (ENOENT)") }]);
    expect(errorOf(await workflow.cli("engine", "probe", "--env", "x"))).toMatchObject({ code: 2 });
    expect(await left()).toEqual([]);
  });

  test("removes everything again at a Ctrl-C", async () => {
    // Its state file is in the system's folder for such.
    const running = workflow.startWith({ env: { TMPDIR: workflow.folder } }, "engine", "probe", "--cpu", "2000");
    await printed(running, /^waiting for the probe job: QUEUED \(Unschedulable\)$/m);
    running.kill("SIGINT");
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining("error: interrupted: the probe job was removed\n") });
    expect(await eventually(left, (names) => names.length === 0)).toEqual([]);
    expect(existsSync(workflow.stateFile)).toBe(false);
  });
});
