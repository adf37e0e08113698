import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanupOrphaned } from "../../src/commands/cleanupOrphaned.ts";
import { KEYS } from "../../src/core/names.ts";
import { Hosts, NAMESPACE, START } from "./hosts.ts";
import { LeftBehind } from "./leftBehind.ts";

const OPTIONS = { output: "text", olderThan: 86_400, timeout: 1, namespace: NAMESPACE } as const;
const FAILED = { terminated: { exitCode: 3, reason: "Error", finishedAt: hoursAgo(80).toISOString() } };
const IN_NAMESPACE = {
  Jobs: `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
  PersistentVolumeClaims: `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`,
  PersistentVolumes: "/api/v1/persistentvolumes",
  Pods: `/api/v1/namespaces/${NAMESPACE}/pods`,
  Leases: `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`,
} as const;

let hosts: Hosts;
beforeEach(async () => {
  hosts = await Hosts.begin();
  // Only what the tests leave behind.
  for (const place of [...hosts.cluster.objects.keys()])
    if (place.startsWith(`${IN_NAMESPACE.PersistentVolumeClaims}/`)) hosts.cluster.objects.delete(place);
});
afterEach(() => hosts.end());

function hoursAgo(hours: number): Date {
  return new Date(START - hours * 3_600_000);
}

/** A workflow whose jobs have ended and whose engine was last at work days ago. */
function left(directory: string, since = hoursAgo(90)): LeftBehind {
  const workflow = { id: path.basename(directory), namespace: NAMESPACE, directory };
  return new LeftBehind(hosts.cluster, workflow, since).withVolume().withEngine().withJob("Job-1", FAILED);
}

const sweep = (more: Partial<Parameters<typeof cleanupOrphaned>[1]> = {}) =>
  hosts.run("administrator", (context) => cleanupOrphaned(context, { ...OPTIONS, ...more }));

/** Verdict and reason of the workflow that is there. */
async function verdict(): Promise<string> {
  const { workflows } = JSON.parse((await sweep({ output: "json" })).stdout) as { workflows: { verdict: string; reason: string }[] };
  return workflows.map((one) => `${one.verdict}: ${one.reason}`).join("\n");
}

const isWhole = ({ paths }: LeftBehind) =>
  [paths.claim, paths.volume, paths.job("Job-1"), paths.lease].every((place) => hosts.cluster.objects.has(place));

describe("an account that may not see everything of the namespace that is asked for", () => {
  test.each(Object.entries(IN_NAMESPACE))("removes nothing, and says so: %s", async (noun, list) => {
    const one = left("/workflows/over");
    hosts.cluster.forbidden.add(list);
    const { code, stderr, stdout } = await sweep({ yes: true });
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(new RegExp(`cannot list ${noun} .*\\nnothing to remove`)),
    });
    expect(stdout).toMatch(new RegExp(`^uncertain .* this account could not list ${noun}$`, "m"));
    expect(isWhole(one)).toBe(true);
  });

  test("judges without the namespace itself, which it may not read", async () => {
    left("/workflows/over");
    hosts.cluster.forbidden.add(`/api/v1/namespaces/${NAMESPACE}`);
    expect(await verdict()).toBe("finished: its jobs have ended and nobody has cleaned up");
  });
});

test.each([
  ["ahead", 1],
  ["behind", -1],
])("an engine whose clock is an hour %s of the API server's is alive, or not, by the server's", async (_, hours) => {
  const one = left("/workflows/over");
  const lease = hosts.cluster.objects.get(one.paths.lease);
  const shown = (since: Date) => ({
    ...lease,
    spec: { ...lease.spec, renewTime: new Date(since.getTime() + hours * 3_600_000).toISOString() },
    metadata: { ...lease.metadata, managedFields: [{ time: since.toISOString(), fieldsV1: { "f:spec": { "f:renewTime": {} } } }] },
  });
  hosts.cluster.put(one.paths.lease, shown(new Date(START - 30_000)));
  expect(await verdict()).toBe("in use: its engine is alive");
  hosts.cluster.put(one.paths.lease, shown(hoursAgo(26)));
  expect(await verdict()).toMatch(/^finished: /);
});

test.each<[string, (directory: string) => void, RegExp]>([
  ["is there", (directory) => mkdirSync(directory, { recursive: true }), /^finished: /],
  [
    "is gone from a folder that has others",
    (directory) => mkdirSync(path.join(path.dirname(directory), "other"), { recursive: true }),
    /^lost: its directory is gone$/,
  ],
  [
    "is gone from a folder that is empty, as where a share is not mounted",
    (directory) => mkdirSync(path.dirname(directory), { recursive: true }),
    /^finished: /,
  ],
  ["is in a folder that is not on this host", () => undefined, /^finished: /],
  ["is in what is no folder here", (directory) => writeFileSync(path.dirname(directory), ""), /^finished: /],
  [
    "cannot be read: its folder is a link that leads to itself",
    (directory) => symlinkSync(path.dirname(directory), path.dirname(directory)),
    /^finished: /,
  ],
  [
    "is a file by now",
    (directory) => {
      mkdirSync(path.dirname(directory), { recursive: true });
      writeFileSync(directory, "");
    },
    /^lost: its directory is gone$/,
  ],
])("a workflow whose directory %s is judged as such", async (_, make, expected) => {
  const directory = path.join(hosts.folder, "elsewhere", "over");
  make(directory);
  left(directory);
  expect(await verdict()).toMatch(expected);
});

describe("a workflow's name", () => {
  test.each([
    ["spaces and umlauts", "Wörk flow (2)"],
    ["a terminal's own characters", "wf\u001b[2J\u001b[31m\u0007"],
    ["a line break", "wf\nremoved everything"],
    ["no Latin letter", "工作流程"],
    ["200 characters", "w".repeat(200)],
  ])("that has %s takes one line of the table, and cannot be taken for anything else", async (_, id) => {
    left(`/workflows/${id}`);
    const { code, stdout } = await sweep();
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^VERDICT /),
      expect.stringMatching(/^finished .* nobody has cleaned up$/),
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test("of any kind does not keep its objects from being removed", async () => {
    const one = left("/workflows/wf\u001b[2J ü\n2");
    expect(await sweep({ yes: true })).toMatchObject({ code: 0, stdout: expect.stringContaining("removed PersistentVolume ") });
    expect(
      Object.values(IN_NAMESPACE).flatMap((list) => [...hosts.cluster.objects.keys()].filter((place) => place.startsWith(`${list}/`))),
    ).toEqual([one.paths.pod("Job-1")]);
  });
});

test("a directory in an annotation that names another place than the workflow's own is uncertain, and nothing there is touched", async () => {
  const one = left("/workflows/over");
  const known = hosts.cluster.objects.get(one.paths.claim);
  const annotations = { ...known.metadata.annotations, [KEYS.directory]: "/workflows/over/../../etc" };
  hosts.cluster.put(one.paths.claim, { ...known, metadata: { ...known.metadata, annotations } });
  expect(await verdict()).toMatch(/^uncertain: its objects name different directories/);
  await sweep({ yes: true });
  expect(isWhole(one)).toBe(true);
});
