import { spawn } from "node:child_process";
import Database from "better-sqlite3";
import { afterEach, describe, expect, test } from "vitest";
import { get, PROGRAM, TestWorkflow } from "../e2e/harness.ts";
import type { Volume } from "../e2e/volumes.ts";
import { many } from "../full.ts";
import { randomNumbers } from "../random.ts";

/** Pods that no node takes: the cluster accepts the Jobs, and has no further work with them. */
const PARKED = { nodeSelector: { "gasw-k8s.io/test": "no-node" } };
const SHARERS = many(50, 20);
const MOST_KILLS = 200;
const LEAST_KILLS = many(MOST_KILLS, 50);
const BATCH = 50;
/** Submits that run at the same time while they are killed. */
const AT_ONCE = 4;

/** The moments, in milliseconds after their start, at which submits were killed that had written nothing, their intent, and all. */
interface Killed {
  readonly nothing: readonly number[];
  readonly intents: readonly number[];
  readonly wholes: readonly number[];
}

/**
 * When the next ones are killed: over the whole length of a run, or, where none was met between its intent and its end, which is soon over,
 * about there.
 */
function nextRange(length: number, { nothing, intents, wholes }: Killed): readonly [number, number] {
  // A run takes longer, under load, than when it was measured.
  if (wholes.length < (nothing.length + intents.length) / 3) return [0, length * 1.5];
  if (intents.length > 0 || nothing.length === 0) return [0, length];
  const [early, late] = [median(nothing), median(wholes)];
  return [Math.min(early, late), Math.max(early, late)];
}

const median = (values: readonly number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;

interface Row {
  readonly id: string;
  readonly status: string;
  readonly history: string;
}

describe("many submits at once", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("many processes share one volume and one claim that none of them found, and make a Job each", async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const ids = writeScripts(SHARERS);
    const results = await Promise.all(ids.map((id) => workflow.process({}, "submit", `sh/${id}.sh`)));
    // What one has to wait for another has begun, it says.
    const said = results.map((result) => ({ ...result, stderr: result.stderr.replace(/^waiting for .*\n/gm, "") }));
    expect(said).toEqual(ids.map((id) => ({ stdout: `${id}\n`, stderr: "", code: 0 })));
    await expectOneOfEach(ids);
    expect(rows()).toEqual(ids.map((id) => ({ id, status: "QUEUED", history: "NOT_SUBMITTED,QUEUED" })));
  });

  test("processes that are killed at any moment leave nothing that submitting again does not put right", {
    timeout: 240_000,
  }, async () => {
    workflow = new TestWorkflow({ config: PARKED });
    const seed = Number(process.env.GASW_K8S_TEST_SEED ?? Date.now() % 1_000_000);
    const random = randomNumbers(seed);
    let within: readonly [number, number] = [0, await lengthOfRun()];
    const moments = new Map<string, number>();
    const left = () => {
      const statuses = moments.size === 0 ? new Map<string, string>() : new Map(rows().map(({ id, status }) => [id, status]));
      const having = (status?: string) => [...moments].filter(([id]) => statuses.get(id) === status).map(([, moment]) => moment);
      return { nothing: having(), intents: having("NOT_SUBMITTED"), wholes: having("QUEUED") };
    };
    // Until moments in every part of a run were met.
    const isSpread = () => Object.values(left()).every((met) => met.length > 0);
    while (moments.size < LEAST_KILLS || (!isSpread() && moments.size < MOST_KILLS)) {
      await inParallel(writeScripts(BATCH, moments.size), async (id) => {
        const moment = within[0] + random() * (within[1] - within[0]);
        await submitAndKill(id, moment);
        moments.set(id, moment);
      });
      within = nextRange(within[1], left());
    }
    const ids = [...moments.keys()].sort();
    const { nothing, intents, wholes } = left();
    console.log(
      `GASW_K8S_TEST_SEED=${seed}: ${ids.length} killed, the last within ${within.map(Math.round).join(" to ")} ms; ` +
        `${nothing.length} had written nothing, ${intents.length} their intent, ${wholes.length} all`,
    );
    // Otherwise the moments were not spread over the whole run.
    expect([nothing, intents, wholes].map((met) => met.length)).not.toContain(0);

    const again = await workflow.cli("submit", ...ids.map((id) => `sh/${id}.sh`));
    expect(again).toEqual({ stdout: ids.map((id) => `${id}\n`).join(""), stderr: "", code: 0 });
    await expectOneOfEach(ids);
    const byId = (a: Row, b: Row) => ids.indexOf(a.id) - ids.indexOf(b.id);
    expect(rows().sort(byId)).toEqual(ids.map((id) => ({ id, status: "QUEUED", history: "NOT_SUBMITTED,QUEUED" })));
    const { stdout } = await workflow.cli("status", "-o", "json");
    const seen = JSON.parse(stdout).jobs.map((job: { status: string }) => job.status);
    expect(seen).toEqual(ids.map(() => "QUEUED"));
  });

  function writeScripts(number: number, first = 0): string[] {
    const ids = Array.from({ length: number }, (_, index) => `Job-${String(first + index).padStart(3, "0")}`);
    for (const id of ids.slice(1)) workflow.script(id, `echo ${id}\n`);
    workflow.script(ids[0] as string, `echo ${ids[0]}\n`);
    return ids;
  }

  /** Milliseconds that the slowest of as many runs takes as there will be at once; in another workflow, to leave this one untouched. */
  async function lengthOfRun(): Promise<number> {
    const other = new TestWorkflow({ config: PARKED });
    try {
      const scripts = Array.from({ length: 2 * AT_ONCE }, (_, index) => other.script(`Job-${index}`, "true\n"));
      const lengths: number[] = [];
      await inParallel(scripts, async (script) => {
        const begun = performance.now();
        expect(await other.process({}, "submit", script)).toMatchObject({ code: 0 });
        lengths.push(performance.now() - begun);
      });
      return Math.max(...lengths.slice(AT_ONCE));
    } finally {
      await other.cleanup();
    }
  }

  async function submitAndKill(id: string, after: number): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, "submit", `sh/${id}.sh`], {
      cwd: workflow.directory,
      env: workflow.env,
      stdio: "ignore",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), after);
    await new Promise((resolve) => child.on("close", resolve));
    clearTimeout(timer);
  }

  async function expectOneOfEach(ids: readonly string[]): Promise<void> {
    const jobs = await workflow.jobs();
    expect(jobs.map((job) => job.metadata.annotations["gasw-k8s.io/job"]).sort()).toEqual([...ids].sort());
    const claims = (await get("pvc", "-n", workflow.namespace)).items;
    expect(claims.map((claim: { status: { phase: string } }) => claim.status.phase)).toEqual(["Bound"]);
    const volumes = (await get("pv")).items.filter((volume: Volume) => volume.spec.claimRef?.namespace === workflow.namespace);
    expect(volumes).toHaveLength(1);
  }

  /** What the state holds, with each job's statuses in their order. */
  function rows(): Row[] {
    const database = new Database(workflow.stateFile, { readonly: true });
    try {
      expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
      const history = "SELECT group_concat(status) FROM (SELECT status FROM transitions WHERE job = jobs.key ORDER BY key)";
      return database.prepare(`SELECT id, status, (${history}) AS history FROM jobs ORDER BY id`).all() as Row[];
    } finally {
      database.close();
    }
  }
});

async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await action(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
