import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanupOrphaned } from "../../src/commands/cleanupOrphaned.ts";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import type { GaswError } from "../../src/errors.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { LeftBehind } from "./leftBehind.ts";

const NOW = new Date("2026-03-10T12:00:00Z");
const hoursAgo = (hours: number) => new Date(NOW.getTime() - hours * 3_600_000);
const seconds = (time: Date) => time.getTime() / 1000;
const FAILED = { terminated: { exitCode: 3, reason: "Error", finishedAt: hoursAgo(80).toISOString() } };
const VOLUMES = "DELETE /api/v1/persistentvolumes/";

let folder: string;
let file: string;
let cluster: ClusterDouble;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-metrics-")));
  mkdirSync(path.join(folder, "textfile"));
  file = path.join(folder, "textfile", "sweep.prom");
  cluster = await ClusterDouble.begin();
  cluster.now = () => NOW;
});
afterEach(() => {
  cluster.end();
  rmSync(folder, { recursive: true });
});

/** A workflow with a volume, whose engine was last at work some hours ago. */
function workflow(id: string, hours: number): LeftBehind {
  return new LeftBehind(cluster, { id, namespace: "vip", directory: `/workflows/${id}` }, hoursAgo(hours)).withVolume();
}

/** One that is alive, one that is over, and two that have lost their claims. */
function workflows(): void {
  workflow("alive", 0).withEngine();
  workflow("over", 90).withJob("Job-1", FAILED);
  for (const [id, hours] of [
    ["lost", 50],
    ["long-lost", 70],
  ] as const)
    cluster.objects.delete(workflow(id, hours).paths.claim);
}

/** Runs `cleanup --orphaned`; what it ends with is its exit code, or its error. */
async function sweep(options: Partial<Parameters<typeof cleanupOrphaned>[1]> = {}, now = NOW): Promise<number | GaswError> {
  const streams = ioDouble({ cwd: folder, env: { HOME: folder }, now });
  const overrides = { k8sNamespace: "vip", state: { path: path.join(folder, "state.db") } };
  const context = new Context(streams.io, await loadConfig({ cwd: folder, env: {}, pluginFile: "no-such-plugin.conf", overrides }));
  Object.defineProperty(context, "client", { value: cluster.client(context.signal) });
  try {
    return await cleanupOrphaned(context, { output: "text", olderThan: 86_400, timeout: 1, metricsFile: file, ...options });
  } catch (error) {
    return error as GaswError;
  } finally {
    context.close();
  }
}

/** The figures in the file, without what the names have in common. */
function figures(): Record<string, number> {
  const lines = readFileSync(file, "utf8").split("\n");
  const samples = lines.flatMap((line) => [...line.matchAll(/^gasw_k8s_(.+) (\S+)$/g)]);
  return Object.fromEntries(samples.map(([, name, value]) => [name, Number(value)]));
}

const NOTHING_REMOVED = {
  'last_sweep_removed_objects{kind="Job"}': 0,
  'last_sweep_removed_objects{kind="Pod"}': 0,
  'last_sweep_removed_objects{kind="PersistentVolumeClaim"}': 0,
  'last_sweep_removed_objects{kind="PersistentVolume"}': 0,
};

describe("the figures of a sweep", () => {
  test("tell what there is, also where nothing is removed", async () => {
    workflows();
    expect(await sweep()).toBe(0);
    expect(figures()).toEqual({
      'orphaned_workflows{verdict="in use"}': 1,
      'orphaned_workflows{verdict="uncertain"}': 0,
      'orphaned_workflows{verdict="lost"}': 2,
      'orphaned_workflows{verdict="finished"}': 1,
      'orphaned_volumes{verdict="in use"}': 1,
      'orphaned_volumes{verdict="uncertain"}': 0,
      'orphaned_volumes{verdict="lost"}': 2,
      'orphaned_volumes{verdict="finished"}': 1,
      orphaned_lost_quiet_seconds: 70 * 3600,
      ...NOTHING_REMOVED,
      last_sweep_failures: 0,
      last_sweep_timestamp_seconds: seconds(NOW),
      last_successful_sweep_timestamp_seconds: seconds(NOW),
    });
  });

  test("tell what it has removed, and what it leaves", async () => {
    workflows();
    expect(await sweep({ yes: true })).toBe(0);
    expect(figures()).toMatchObject({
      'orphaned_workflows{verdict="in use"}': 1,
      'orphaned_workflows{verdict="lost"}': 0,
      'orphaned_workflows{verdict="finished"}': 0,
      'orphaned_volumes{verdict="lost"}': 0,
      orphaned_lost_quiet_seconds: 0,
      'last_sweep_removed_objects{kind="Job"}': 1,
      'last_sweep_removed_objects{kind="PersistentVolumeClaim"}': 1,
      'last_sweep_removed_objects{kind="PersistentVolume"}': 3,
    });
  });

  test("tell of a failure, of what could not be removed, and when a sweep last succeeded", async () => {
    workflows();
    await sweep({}, hoursAgo(24));
    cluster.refusalOf = (request) => (request.startsWith(`${VOLUMES}long-lost`) ? 403 : undefined);
    expect(await sweep({ yes: true })).toMatchObject({ code: "CLUSTER" });
    expect(figures()).toMatchObject({
      'orphaned_workflows{verdict="lost"}': 1,
      'orphaned_volumes{verdict="lost"}': 1,
      orphaned_lost_quiet_seconds: 70 * 3600,
      'last_sweep_removed_objects{kind="PersistentVolume"}': 2,
      last_sweep_failures: 1,
      last_sweep_timestamp_seconds: seconds(NOW),
      last_successful_sweep_timestamp_seconds: seconds(hoursAgo(24)),
    });
  });

  test("tell nothing of a cluster that does not answer, but that the sweep has failed, and that none has succeeded yet", async () => {
    cluster.refusalOf = () => 500;
    expect(await sweep({ yes: true })).toMatchObject({ code: "CLUSTER" });
    expect(figures()).toEqual({
      ...NOTHING_REMOVED,
      last_sweep_failures: 1,
      last_sweep_timestamp_seconds: seconds(NOW),
      last_successful_sweep_timestamp_seconds: 0,
    });
  });

  test("take the place of those before at once, for everybody to read, and leave nothing beside", async () => {
    await sweep();
    const before = statSync(file).ino;
    await sweep();
    expect(statSync(file).ino).not.toBe(before);
    expect(readdirSync(path.dirname(file))).toEqual(["sweep.prom"]);
    expect(statSync(file).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  test("are written to a file of which the path is relative to the working directory", async () => {
    await sweep({ metricsFile: "textfile/sweep.prom" });
    expect(figures()).toMatchObject({ last_sweep_failures: 0 });
  });

  test("that can't be written at the end are an error of their own, after the sweep", async () => {
    workflows();
    cluster.onRequest = (request) => {
      if (request.startsWith(VOLUMES)) rmSync(path.dirname(file), { recursive: true, force: true });
    };
    expect(await sweep({ yes: true })).toMatchObject({
      code: "FAILURE",
      message: `the metrics could not be written to ${file} (ENOENT)`,
      hint: expect.stringContaining("the sweep itself is not affected"),
    });
    expect([...cluster.objects.keys()].filter((name) => name.includes("persistentvolumes/long-lost"))).toEqual([]);
  });
});

describe("before anything is asked of the cluster, a file is refused", () => {
  const refused = async (metricsFile: string): Promise<{ error: number | GaswError; requests: string[] }> => {
    const requests: string[] = [];
    cluster.onRequest = (request) => requests.push(request);
    workflows();
    return { error: await sweep({ yes: true, metricsFile }), requests };
  };

  test.each([
    ["in a directory that is not there", "missing/sweep.prom", "there is no directory FOLDER/missing", "create the directory"],
    ["in a file", "a-file/sweep.prom", "there is no directory FOLDER/a-file", "create the directory"],
    ["that is a directory", "textfile", "FOLDER/textfile is not a regular file", "name a file"],
    ["that is a device", "null", "FOLDER/null is not a regular file", "name a file"],
    ["of which the name is too long", "x".repeat(254), `FOLDER/${"x".repeat(254)} cannot be written (ENAMETOOLONG)`, "make the directory"],
  ])("%s", async (_, metricsFile, message, hint) => {
    writeFileSync(path.join(folder, "a-file"), "");
    symlinkSync("/dev/null", path.join(folder, "null"));
    expect(await refused(metricsFile)).toEqual({
      error: expect.objectContaining({
        code: "USAGE",
        message: `--metrics-file: ${message.replace("FOLDER", folder)}`,
        hint: expect.stringContaining(hint),
      }),
      requests: [],
    });
  });
});
