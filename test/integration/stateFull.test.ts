import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../../src/cli/program.ts";
import { active } from "../../src/core/lifecycle/make.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { jobName } from "../../src/core/names.ts";
import { systemCode } from "../../src/errors.ts";
import { Store } from "../../src/store/store.ts";
import { folderWith } from "../unit/folders.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const JOBS = "/apis/batch/v1/namespaces/vip/jobs";
let folder: string;
let disk: string;
let cluster: ClusterDouble;
let requests: string[];
/** Another command that has the state open. */
let other: Store | undefined;
beforeEach(async () => {
  folder = folderWith();
  disk = path.join(folder, "disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  cluster = await ClusterDouble.begin();
  requests = [];
  cluster.onRequest = (request) => requests.push(request);
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(folder, "workflow-1", name), { recursive: true });
  const store = open();
  const workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: path.join(folder, "workflow-1") });
  const { job } = store.intents.record(workflow, {
    id: "Job-1",
    kubeName: KUBE_NAME,
    contentHash: "c",
    image: "i",
    request: {},
    prepared: true,
  });
  store.changes.write(job, { stage: active("QUEUED"), submitted: NOW.toISOString() });
  store.close();
  show({ running: { startedAt: NOW.toISOString() } });
});
afterEach(() => {
  other?.close();
  other = undefined;
  cluster.end();
  execFileSync("umount", [disk]);
});

const KUBE_NAME = jobName("vip", "workflow-1", "Job-1");
const stateFile = () => path.join(disk, "state.db");
const open = () => new Store({ path: stateFile(), now: () => NOW, warn: () => undefined });

function show(state: object): void {
  cluster.put(`${JOBS}/${KUBE_NAME}`, {});
  cluster.put(`/api/v1/namespaces/vip/pods/${KUBE_NAME}-pod`, {
    metadata: { labels: { "job-name": KUBE_NAME } },
    status: { containerStatuses: [{ name: MAIN_CONTAINER, state }] },
  });
}

/** Writes until not a byte more goes on the disk. */
function fill(): void {
  for (const size of [65_536, 4096, 1]) {
    try {
      for (;;) appendFileSync(path.join(disk, "filling"), Buffer.alloc(size));
    } catch (error) {
      if (systemCode(error) !== "ENOSPC") throw error;
    }
  }
}

async function cli(...args: string[]) {
  const access = { k8sAddress: cluster.address, k8sToken: "t", insecureSkipTlsVerify: true };
  const config = {
    ...access,
    k8sNamespace: "vip",
    image: "debian",
    outputGrace: "0s",
    state: { path: stateFile() },
    pending: { imagePull: 1 },
  };
  const file = path.join(folder, "gasw-k8s.json");
  writeFileSync(file, JSON.stringify(config));
  const env = { HOME: folder, GASW_K8S_CONFIG: file };
  const { io, stdout, stderr } = ioDouble({ cwd: path.join(folder, "workflow-1"), env, now: new Date(NOW.getTime() + 3_600_000) });
  const code = await run(args, io, "1.2.3");
  return { code, stdout: stdout(), stderr: stderr().replace(/^warning: insecureSkipTlsVerify is set.*\n/m, "") };
}

const warning = () =>
  `warning: showing the cluster's current state, which could not be saved because the disk of the state file ${stateFile()} is full: free some space there\n`;

describe.each([
  ["where nobody else has it open", () => undefined],
  [
    "where another command has it open",
    () => {
      other = open();
    },
  ],
])("a state on a disk that is full, %s", (_, arrange) => {
  beforeEach(() => {
    arrange();
    fill();
  });

  test("does not keep `status` from showing what the cluster says, with a warning", async () => {
    const { code, stdout, stderr } = await cli("status", "-o", "json");
    expect(stderr).toBe(warning());
    expect(JSON.parse(stdout).jobs).toMatchObject([{ id: "Job-1", status: "RUNNING" }]);
    expect(code).toBe(0);
  });

  test("ends `status --sync` with 3, after what the cluster shows; nothing is made or removed", async () => {
    show({ terminated: { exitCode: 3, reason: "Error", startedAt: NOW.toISOString(), finishedAt: NOW.toISOString() } });
    const { code, stdout, stderr } = await cli("status", "--sync");
    expect(stdout).toMatch(/Job-1 +ERROR +3/);
    expect(stderr).toContain(`error: the state file ${stateFile()} cannot be written: the disk is full`);
    expect(code).toBe(3);
    expect(requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
  });

  test("tells no result that is not written down", async () => {
    show({ terminated: { exitCode: 0, reason: "Completed", startedAt: NOW.toISOString(), finishedAt: NOW.toISOString() } });
    expect(await cli("status", "--sync", "-o", "ndjson")).toMatchObject({ code: 3, stdout: "" });
  });

  test("has no Job removed whose time is over: what is done has to be written down", async () => {
    show({ waiting: { reason: "ImagePullBackOff", message: "no such image" } });
    const { stderr } = await cli("status");
    expect(stderr).toContain(warning());
    // The wait began at this very look: another one later would end it.
    await cli("status");
    expect(requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
  });

  test("is shown by `status --cached`, as it is", async () => {
    expect(await cli("status", "--cached", "-q")).toEqual({ code: 0, stdout: "Job-1\n", stderr: "" });
  });

  test("is whole afterwards, and takes what the cluster says once there is room", async () => {
    await cli("status");
    writeFileSync(path.join(disk, "filling"), "");
    expect(await cli("status", "-o", "json")).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse((await cli("status", "--cached", "-o", "json")).stdout).jobs).toMatchObject([{ status: "RUNNING" }]);
  });
});

test("a full disk without a state is told as before", async () => {
  for (const name of readdirSync(disk)) execFileSync("rm", [path.join(disk, name)]);
  fill();
  expect(await cli("status")).toMatchObject({
    code: 3,
    stdout: "",
    stderr: expect.stringContaining("cannot be written: the disk is full"),
  });
});
