import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { over } from "../../src/core/lifecycle/make.ts";
import type { Dao } from "../../src/dao/dao.ts";
import { openDao } from "../../src/dao/open.ts";
import { GaswError } from "../../src/errors.ts";
import type { ClusterAccess } from "../../src/kubernetes/access/access.ts";
import { KubernetesClient } from "../../src/kubernetes/client.ts";
import { monitor, type Round } from "../../src/services/sync/monitor.ts";
import { type SyncDeps, sync } from "../../src/services/sync/sync.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const signal = new AbortController().signal;

let folder: string;
let store: Store;
let workflow: StoredWorkflow;
let client: KubernetesClient;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-sync-"));
  store = new Store({ path: path.join(folder, "state.db"), now: () => NOW, warn: () => undefined });
  workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
  const intent = { id: "Job-1", kubeName: "k-job-1", contentHash: "c0ffee", image: "debian", request: {}, prepared: true };
  const { job } = store.intents.record(workflow, intent);
  store.changes.write(job, { stage: over("COMPLETED"), exitCode: 0 });
  const requestOptions = async () => ({ agent: new Agent(), headers: {} });
  const access = { server: new URL("http://127.0.0.1:1"), insecure: false, requestOptions } as unknown as ClusterAccess;
  client = new KubernetesClient(access, { readRetries: 0, writeRetries: 0, maxRetryWait: 1, requestsPerSecond: 1000 }, signal);
  warnings = [];
});
afterEach(() => {
  client.close();
  store.close();
  rmSync(folder, { recursive: true });
});

/** All that a synchronisation needs whose jobs are over, with a database that does what is asked and then takes no leave. */
function deps(): SyncDeps {
  const openOne = async (): Promise<Dao> => {
    const limits = { timeZone: "UTC", timeout: 10_000, env: process.env, signal };
    const dao = await openDao({ ...limits, simulationId: workflow.id, url: `sqlite:${folder}/gasw.db` });
    const closeReally = dao.close.bind(dao);
    const close = async () => {
      await closeReally();
      throw new GaswError("DATABASE", "no response within 30 s", { hint: "wait" });
    };
    return Object.assign(dao, { close });
  };
  const config = { dao: { minorStatus: false } } as SyncDeps["config"];
  const withSignal = () => {
    throw new Error("a synchronisation works under one signal");
  };
  return {
    config,
    store,
    client,
    host: "here",
    signal,
    now: () => NOW,
    warn: (text) => warnings.push(text),
    withSignal,
    openDao: openOne,
    hasDatabase: async () => true,
  };
}

const NOT_CLOSED = "could not close the database connection: no response within 30 s";

test("a synchronisation that is done is done, however the database takes its leave", async () => {
  expect(await sync(deps(), workflow, () => ["Job-1"])).toEqual(new Map([["Job-1", "COMPLETED"]]));
  expect(store.outbox.size(workflow)).toBe(0);
  expect(warnings).toEqual([NOT_CLOSED]);
});

test("what fails before is what is told", async () => {
  const broken = () => {
    throw new GaswError("DATABASE", "the connection was lost", { hint: "try again" });
  };
  await expect(sync(deps(), workflow, broken)).rejects.toThrow("the connection was lost");
  expect(warnings).toEqual([NOT_CLOSED]);
});

test("a monitor ends when its jobs have, however the database takes its leave", async () => {
  const rounds: Round[] = [];
  await monitor(deps(), workflow, { until: "ended", stop: signal, onRound: (round) => rounds.push(round) });
  expect(rounds).toMatchObject([{ failures: [] }]);
  expect(warnings).toEqual([NOT_CLOSED]);
  expect(store.holds.isMonitored(workflow)).toBe(false);
});
