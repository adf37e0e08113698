import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanup } from "../../src/commands/cleanup.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { Host, type Outcome } from "./host.ts";
import { LeftBehind } from "./leftBehind.ts";

const PROTECTION = "kubernetes.io/pvc-protection";
const PODS = "/api/v1/namespaces/vip/pods";

let folder: string;
let cluster: ClusterDouble;
let left: LeftBehind;
let host: Host;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-stuck-")));
  cluster = await ClusterDouble.begin();
  host = new Host(cluster, folder);
  const directory = path.join(folder, "workflow-1");
  mkdirSync(path.join(directory, "sh"), { recursive: true });
  left = new LeftBehind(cluster, { id: "workflow-1", namespace: "vip", directory }, new Date("2026-01-01T00:00:00Z")).withVolume();
});
afterEach(() => {
  host.end();
  cluster.end();
  rmSync(folder, { recursive: true });
});

/** Gives an object of the cluster finalizers. */
function hold(place: string, ...finalizers: string[]): void {
  const object = cluster.objects.get(place);
  cluster.put(place, { ...object, metadata: { ...object.metadata, finalizers } });
}

/** Has a pod of another program use the workflow's claim. */
function use(name: string, status: object = { phase: "Running" }): void {
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: path.basename(left.paths.claim) } }];
  const ownerReferences = [{ controller: true, kind: "ReplicaSet", name: "theirs" }];
  cluster.put(`${PODS}/${name}`, { metadata: { namespace: "vip", ownerReferences }, spec: { nodeName: "node-7", volumes }, status });
}

function cleaned(options: { force?: boolean } = {}): Promise<Outcome> {
  return host.run((context) => cleanup(context, { output: "text", workflow: left.directory, yes: true, timeout: 0.3, ...options }));
}

const finalizersOf = (place: string) => cluster.objects.get(place)?.metadata.finalizers;
const claimName = () => path.basename(left.paths.claim);

describe("an object that does not go", () => {
  test("is explained: what each finalizer waits for, and which pod on which node holds it", async () => {
    hold(left.paths.claim, PROTECTION, "example.com/x");
    hold(left.paths.volume, "kubernetes.io/pv-protection", "external-attacher/nfs");
    use("theirs");
    const { code, stderr, hint } = await cleaned();
    expect(stderr).toContain(
      `error: PersistentVolumeClaim ${claimName()} was not deleted after 0.3 s: blocked by finalizers ${PROTECTION} (waits until no pod uses the claim), example.com/x (set by another program); pods theirs (on node node-7)\n`,
    );
    expect(code).toBe(
      `TIMEOUT: PersistentVolume ${path.basename(left.paths.volume)} was not deleted after 0.3 s: blocked by finalizers kubernetes.io/pv-protection (waits until no claim is bound to the volume), external-attacher/nfs (waits until the CSI driver has detached the volume from its nodes); pods theirs (on node node-7)`,
    );
    expect(hint).toBe("run cleanup again for the rest; the object is deleted once nothing blocks it");
  });

  test("keeps its finalizers without --force, which is named where it would help", async () => {
    hold(left.paths.claim, PROTECTION);
    const { code, hint } = await cleaned();
    expect(code).toMatch(/^TIMEOUT: PersistentVolumeClaim /);
    expect(hint).toMatch(/No pod uses the claim: --force removes kubernetes\.io\/pvc-protection$/);
    expect(finalizersOf(left.paths.claim)).toEqual([PROTECTION]);
  });

  test("goes with --force where it is a claim that no pod uses; the removal and its risk are told", async () => {
    hold(left.paths.claim, PROTECTION);
    const { code, stdout, stderr } = await cleaned({ force: true });
    expect(code).toBe(0);
    expect(stderr).toBe(
      `warning: removed the finalizer ${PROTECTION} of PersistentVolumeClaim ${claimName()}, since no pod in its namespace uses it. A pod that the cluster no longer shows, for example on a node that is down, may still write to its files\n`,
    );
    expect(stdout).toContain(`removed PersistentVolumeClaim ${claimName()}\n`);
    expect(cluster.objects.has(left.paths.claim)).toBe(false);
  });

  test("loses with --force only that finalizer; those of others are named and stay", async () => {
    hold(left.paths.claim, PROTECTION, "example.com/x");
    hold(left.paths.volume, "kubernetes.io/pv-protection");
    const { code, stderr } = await cleaned({ force: true });
    expect(stderr).toContain(`warning: removed the finalizer ${PROTECTION} of PersistentVolumeClaim ${claimName()}`);
    expect(stderr).toContain("was not deleted after 0.3 s: blocked by finalizers example.com/x (set by another program)\n");
    expect(code).toMatch(/^TIMEOUT: PersistentVolume .*kubernetes\.io\/pv-protection/);
    expect(finalizersOf(left.paths.claim)).toEqual(["example.com/x"]);
    expect(finalizersOf(left.paths.volume)).toEqual(["kubernetes.io/pv-protection"]);
  });

  test.each([
    ["runs", { phase: "Running" }],
    ["has ended", { phase: "Succeeded" }],
  ])("keeps its protection with --force while a pod that %s uses it", async (_, status) => {
    hold(left.paths.claim, PROTECTION);
    use("theirs", status);
    const { code, stderr } = await cleaned({ force: true });
    expect({ code, stderr }).toEqual({ code: expect.stringMatching(/^TIMEOUT: .*pods theirs \(on node node-7\)$/), stderr: "" });
    expect(finalizersOf(left.paths.claim)).toEqual([PROTECTION]);
  });

  test("keeps its protection with --force where the pods cannot be listed", async () => {
    hold(left.paths.claim, PROTECTION);
    let claimIsAsked = false;
    cluster.onRequest = (request) => {
      claimIsAsked ||= request === `GET ${left.paths.claim}`;
      if (claimIsAsked) cluster.forbidden.add(PODS);
    };
    const { code, stderr } = await cleaned({ force: true });
    expect(stderr).toMatch(/^warning: no finalizer of PersistentVolumeClaim \S+ was removed, since the pods could not be listed: /m);
    expect(code).toMatch(/^TIMEOUT: .*\(waits until no pod uses the claim\); pods that could not be listed$/);
    expect(finalizersOf(left.paths.claim)).toEqual([PROTECTION]);
  });

  test("keeps its protection with --force where it changes between the look and the removal", async () => {
    hold(left.paths.claim, PROTECTION);
    cluster.onRequest = (request) => {
      if (request === `PATCH ${left.paths.claim}`) hold(left.paths.claim, PROTECTION, "example.com/late");
    };
    const { code, stderr } = await cleaned({ force: true });
    expect(stderr).toMatch(/^warning: no finalizer of PersistentVolumeClaim \S+ was removed: it has changed since it was looked at$/m);
    expect(code).toMatch(/^TIMEOUT: /);
    expect(finalizersOf(left.paths.claim)).toEqual([PROTECTION, "example.com/late"]);
  });

  test("counts as removed with --force where it has gone by itself meanwhile", async () => {
    hold(left.paths.claim, PROTECTION);
    cluster.onRequest = (request) => {
      if (request === `PATCH ${left.paths.claim}`) cluster.objects.delete(left.paths.claim);
    };
    expect(await cleaned({ force: true })).toMatchObject({ code: 0, stdout: expect.stringContaining(`removed PersistentVolumeClaim`) });
  });

  test("fails with --force where the account may not change it", async () => {
    hold(left.paths.claim, PROTECTION);
    cluster.refusalOf = (request) => (request === `PATCH ${left.paths.claim}` ? 403 : undefined);
    const { stderr, code } = await cleaned({ force: true });
    expect(stderr).toMatch(/^error: .* forbids the request \(PATCH /m);
    expect(code).toMatch(/^TIMEOUT: /);
  });
});
