import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cleanup } from "../../src/commands/cleanup.ts";
import { cleanupOrphaned } from "../../src/commands/cleanupOrphaned.ts";
import { submit } from "../../src/commands/submit.ts";
import { KEYS } from "../../src/core/names.ts";
import { volumePlan } from "../../src/services/submit/volumePlan.ts";
import { CLAIMS, type Command, Hosts, JOBS, LEASE, NAMESPACE } from "./hosts.ts";

const VOLUMES = "/api/v1/persistentvolumes";
const SWEEP = { output: "text", olderThan: 0, timeout: 1, yes: true, namespace: NAMESPACE } as const;
const sweep: Command = (context) => cleanupOrphaned(context, SWEEP);
const cleaned: Command = (context) => cleanup(context, { output: "text", timeout: 1, yes: true, cancel: true });
const submitted =
  (id: string): Command =>
  (context) =>
    submit(context, [hosts.script(id)], { output: "text", request: {}, verbose: false });

let hosts: Hosts;
beforeEach(async () => {
  hosts = await Hosts.begin();
  await giveVolume();
  await hosts.run("engine", submitted("Job-1"));
  hosts.pass(61);
});
afterEach(() => hosts.end());

/** Makes the volume of the workflow's directory, bound to its claim. */
async function giveVolume(): Promise<void> {
  const { context } = await hosts.on("nobody");
  const workflow = { namespace: NAMESPACE, id: "workflow-1", directory: hosts.directory };
  const [volume] = volumePlan(context.config, workflow, { host: "here", now: new Date() });
  const { metadata, spec } = volume?.persistentVolume ?? {};
  const uid = hosts.cluster.objects.get(claimPath()).metadata.uid;
  const bound = { metadata, spec: { ...spec, claimRef: { ...spec?.claimRef, uid } }, status: { phase: "Bound" } };
  hosts.cluster.put(`${VOLUMES}/${metadata?.name}`, bound);
}

const only = (collection: string) => [...hosts.cluster.objects.keys()].filter((place) => place.startsWith(`${collection}/`));
const claimPath = () => only(CLAIMS)[0] as string;
const host = () => hosts.cluster.objects.get(LEASE)?.metadata.annotations[KEYS.host];

/** Has something happen before a request of one host is answered, once. */
function at(request: RegExp, action: () => unknown): void {
  hosts.cluster.onRequest = async (asked) => {
    if (!request.test(asked)) return;
    hosts.cluster.onRequest = () => undefined;
    await action();
  };
}

/** What an engine does that was silent, while whoever has followed it is stopped for as long. */
const engineComesBack = async () => {
  hosts.pass(61);
  expect(await hosts.run("engine", submitted("Job-2"))).toMatchObject({ code: 0, stdout: "Job-2\n" });
};

test("a sweep that nothing stops removes the workflow", async () => {
  expect(await hosts.run("administrator", sweep)).toMatchObject({ code: 0 });
  expect([JOBS, CLAIMS, VOLUMES, LEASE.slice(0, LEASE.lastIndexOf("/"))].flatMap(only)).toEqual([]);
});

test.each([
  ["a sweep", "before its first deletion is answered", sweep, /^DELETE .*\/jobs\//],
  ["a sweep", "before the deletion of the claim is answered", sweep, /^DELETE .*\/persistentvolumeclaims\//],
  ["a cleanup", "before its first deletion is answered", cleaned, /^DELETE .*\/jobs\//],
])("%s that is stopped for a minute %s takes nothing more from an engine that has come back", async (_, __, command, request) => {
  at(request, engineComesBack);
  const { stdout, stderr, failure } = await hosts.run("administrator", command);
  expect(`${stderr}${failure?.message}`).toMatch(/served from another state file, by \S+ on engine |has changed since it was listed/);
  expect(stdout).not.toMatch(/removed PersistentVolume/);
  expect(hosts.inCluster()).toEqual(["Job-2"]);
  expect([only(CLAIMS).length, only(VOLUMES).length, host()]).toEqual([1, 1, "engine"]);
});

test("a volume that has a new claim since the old one was removed stays", async () => {
  at(/^DELETE .*\/persistentvolumeclaims\//, () =>
    at(/^GET .*\/persistentvolumeclaims$/, () => {
      const [volume = ""] = only(VOLUMES);
      const known = hosts.cluster.objects.get(volume);
      hosts.cluster.put(volume, { ...known, spec: { ...known.spec, claimRef: { ...known.spec.claimRef, uid: "new" } } });
    }),
  );
  const { stderr } = await hosts.run("administrator", sweep);
  expect(stderr).toMatch(/^warning: PersistentVolume workflow-1-\S+ has been bound to a new claim since it was listed$/m);
  expect(only(VOLUMES)).toHaveLength(1);
});

test("a Lease that somebody else holds at the end of a sweep stays", async () => {
  at(/^DELETE .*\/persistentvolumes\//, () => {
    const lease = hosts.cluster.objects.get(LEASE);
    hosts.cluster.put(LEASE, { ...lease, spec: { ...lease.spec, holderIdentity: "somebody" } });
  });
  expect(await hosts.run("administrator", sweep)).toMatchObject({ code: 0 });
  expect(hosts.cluster.objects.get(LEASE)?.spec.holderIdentity).toBe("somebody");
});

test("a sweep whose Lease somebody deletes stops at its next renewal", async () => {
  at(/^DELETE .*\/jobs\//, () => {
    hosts.pass(21);
    hosts.cluster.objects.delete(LEASE);
  });
  const { code, stderr } = await hosts.run("administrator", sweep);
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("warning: the Lease of workflow workflow-1 ") });
  expect([only(CLAIMS).length, only(VOLUMES).length]).toEqual([1, 1]);
});

describe("a submission that is stopped for a minute before its Job is made", () => {
  const POST = new RegExp(`^POST ${JOBS}$`);
  afterEach(() => vi.restoreAllMocks());

  /** A minute on every clock, that of the process included. */
  function minutePasses(): void {
    const { now } = performance;
    vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + 61_000);
    hosts.pass(61);
  }

  test("makes none where the workflow was cleaned up meanwhile, and says so", async () => {
    at(POST, async () => {
      minutePasses();
      expect(await hosts.run("administrator", sweep)).toMatchObject({ code: 0, stdout: expect.stringContaining("removed Job") });
    });
    const { code, stdout, failure } = await hosts.run("engine", submitted("Job-2"));
    expect({ code, stdout, message: failure?.message }).toEqual({
      code: 7,
      stdout: "",
      message: "job Job-2 was cleaned up while it was being submitted",
    });
    expect(hosts.inCluster()).toEqual([]);
  });

  test("makes none where another host serves the workflow by then, and says so", async () => {
    at(POST, async () => {
      minutePasses();
      expect(await hosts.run("other", submitted("Job-3"))).toMatchObject({ code: 0 });
    });
    const { code, failure } = await hosts.run("engine", submitted("Job-2"));
    expect({ code, message: failure?.message }).toMatchObject({
      code: 7,
      message: expect.stringContaining("served from another state file"),
    });
    expect(hosts.inCluster()).toEqual(["Job-1", "Job-3"]);
  });

  test("makes it where nobody has noticed", async () => {
    at(POST, minutePasses);
    expect(await hosts.run("engine", submitted("Job-2"))).toMatchObject({ code: 0, stdout: "Job-2\n" });
    expect(hosts.inCluster()).toEqual(["Job-1", "Job-2"]);
  });
});
