import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseRequest } from "../../src/commands/requests.ts";
import { submit } from "../../src/commands/submit.ts";
import { identityMetadata, jobName, KEYS } from "../../src/core/names.ts";
import { jobRequest, readScript } from "../../src/services/submit/scripts.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { Host } from "./host.ts";

const JOBS = "/apis/batch/v1/namespaces/vip/jobs";
const FIXTURES = path.resolve(import.meta.dirname, "../fixtures");
/** Submissions, and the hashes that they had before there was a CPU limit, temporary storage, other resources and a grace period. */
const { script, submissions }: { script: string; submissions: { request: Record<string, unknown>; contentHash: string }[] } = JSON.parse(
  readFileSync(path.join(FIXTURES, "contentHashes.json"), "utf8"),
);

let folder: string;
let directory: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-hash-")));
  directory = path.join(folder, "workflow-3");
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

function written(id: string): string {
  const file = path.join(directory, "sh", `${id}.sh`);
  writeFileSync(file, script);
  return file;
}

function hashOf(request: Record<string, unknown>): string {
  const { options } = parseRequest({ script: "s", ...request }, String);
  const file = written("Job-1");
  return jobRequest({ jobId: "Job-1", path: file, isGenerated: false }, options, readScript(file)).contentHash;
}

describe("the hash of a submission", () => {
  test.each(submissions)("is what it was in earlier versions: $request", ({ request, contentHash }) => {
    expect(hashOf(request)).toBe(contentHash);
  });

  const added = [
    { cpuLimit: "2" },
    { ephemeralStorage: "1Gi" },
    { resource: { "amd.com/gpu": "1" } },
    { resource: { "amd.com/gpu": "2" } },
    { gracePeriod: 90 },
  ];

  test("tells apart submissions that ask for different things", () => {
    const hashes = [{}, ...added].map(hashOf);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("is the same for one amount in two spellings, and for one grace period", () => {
    expect(hashOf({ resource: { "amd.com/gpu": 2 } })).toBe(hashOf({ resource: { "amd.com/gpu": "2000m" } }));
    expect(hashOf({ gracePeriod: "2m" })).toBe(hashOf({ gracePeriod: 120 }));
  });
});

describe("an engine that submits again after an upgrade", () => {
  let cluster: ClusterDouble;
  let host: Host;
  beforeEach(async () => {
    cluster = await ClusterDouble.begin();
    cluster.put("/api/v1/namespaces/kube-system", {});
    cluster.put("/api/v1/namespaces/vip/persistentvolumeclaims/workflows", { status: { phase: "Bound" } });
    host = new Host(cluster, folder);
  });
  afterEach(() => {
    host.end();
    cluster.end();
  });

  /** The state file of an earlier version, in which the submissions are running jobs. */
  function oldState(version: string): void {
    mkdirSync(path.dirname(host.stateFile), { recursive: true });
    const file = new Database(host.stateFile);
    file.exec(readFileSync(path.join(FIXTURES, `state/${version}.sql`), "utf8"));
    const at = "2026-01-02T03:00:00.000Z";
    file
      .prepare("INSERT INTO workflows (key, namespace, id, directory, created, volumes_renewed) VALUES (3, 'vip', 'workflow-3', ?, ?, ?)")
      .run(directory, at, at);
    const insert = file.prepare(
      `INSERT INTO jobs (workflow, id, file_name, attempt, kube_name, content_hash, image, request, status, prepared, created, submitted)
       VALUES (3, $id, $id, 0, $kubeName, $contentHash, 'debian', $stored, 'RUNNING', 1, $at, $at)`,
    );
    for (const [index, { request, contentHash }] of submissions.entries()) {
      const id = `Job-${index + 1}`;
      const { env, ...stored } = request;
      const names = env === undefined ? {} : { envNames: Object.keys(env as object) };
      const kubeName = jobName("vip", "workflow-3", id);
      insert.run({ id, kubeName, contentHash, stored: JSON.stringify({ ...stored, ...names }), at });
      const { labels, annotations } = identityMetadata("job", { namespace: "vip", id: "workflow-3" }, id);
      cluster.put(`${JOBS}/${kubeName}`, {
        metadata: { labels, annotations: { ...annotations, [KEYS.directory]: directory, [KEYS.content]: contentHash } },
      });
    }
    file.close();
  }

  test.each(["0.1.0", "schema-9", "schema-10"])("gets its ids, and nothing is made (state of %s)", async (version) => {
    oldState(version);
    const asked: string[] = [];
    cluster.onRequest = (request) => asked.push(request);
    const config = { image: "debian", workflowVolume: { type: "claim", name: "workflows" }, securityContext: { runAsUser: 0 } };
    // What has been configured since is not the submission's content.
    const resources = { cpuLimit: "4", ephemeralStorage: "1Gi", extended: { "amd.com/gpu": 1 } };
    for (const [index, { request }] of submissions.entries()) {
      const { env, ...options } = request;
      const given = env === undefined ? {} : { env: Object.entries(env as object).map((pair) => pair.join("=")) };
      const file = written(`Job-${index + 1}`);
      const ran = await host.run((context) => submit(context, [file], { output: "ndjson", request: options, verbose: false, ...given }), {
        config: { ...config, resources, terminationGracePeriodSeconds: 90 },
      });
      expect(ran).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(ran.stdout)).toMatchObject({ id: `Job-${index + 1}`, created: false });
    }
    expect(asked.filter((request) => request.startsWith("POST") && request.includes("/jobs"))).toEqual([]);
  });
});
