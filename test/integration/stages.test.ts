import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasEnded, isHeld, LOCAL_STATUSES, type LocalStatus } from "../../src/core/job.ts";
import { active, CLEARING, DUE, ended, held, over, removing, WRITTEN } from "../../src/core/lifecycle/make.ts";
import { isSameStage, type Stage } from "../../src/core/lifecycle/stage.ts";
import type { StoredJob, StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";
import { type StageWords, stageOf } from "../unit/core/attempts.ts";

let folder: string;
let store: Store;
let workflow: StoredWorkflow;
let raw: Database.Database;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-stages-"));
  store = new Store({ path: path.join(folder, "state.db"), now: () => new Date("2026-01-02T03:04:05Z"), warn: () => undefined });
  workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
  const intent = { id: "Job-1", kubeName: "k-job-1", contentHash: "c0ffee", image: "debian", request: {}, prepared: true };
  store.intents.record(workflow, intent);
  raw = new Database(store.path);
});
afterAll(() => {
  raw.close();
  store.close();
  rmSync(folder, { recursive: true });
});

const job = () => store.jobs.find(workflow, "Job-1") as StoredJob;

const NOTED = [null, "ERROR", "DELETED", "DELETED_REPLICA"] as const;
const ENDS = ["COMPLETED", "ERROR", "STALLED", "CANCELLED", "DELETED", "DELETED_REPLICA"] as const;
const LEFT = [false, true].flatMap((lingers) => [false, true].map((outputLate) => ({ lingers, outputLate })));

/** Every value of the union. */
const STAGES: readonly Stage[] = [
  ...[WRITTEN, DUE, CLEARING, active("QUEUED"), active("RUNNING")],
  ...(["NOT_SUBMITTED", "QUEUED", "RUNNING"] as const).flatMap((status) =>
    (["ERROR", "DELETED", "DELETED_REPLICA"] as const).map((end) => removing(status, end)),
  ),
  ...LEFT.flatMap((left) => (["ERROR_HELD", "STALLED_HELD"] as const).map((status) => held(status, left))),
  ...[ended, over].flatMap((make) => LEFT.flatMap((left) => ENDS.flatMap((end) => NOTED.map((noted) => make(end, left, noted))))),
];

describe("a stage", () => {
  test.each(STAGES.map((stage) => [JSON.stringify(stage), stage] as const))("%s is written and read back", (_, stage) => {
    // From a stage that is never the same.
    store.changes.write(job(), { stage: stage.name === "written" ? DUE : WRITTEN });
    expect(store.changes.write(job(), { stage })).toBe(true);
    expect(job().stage).toEqual(stage);
    expect(job().status).toBe(stage.status);
    expect(raw.prepare("SELECT stage, status FROM jobs").get()).toEqual({ stage: stage.name, status: stage.status });
  });

  test("is the same as no other one", () => {
    const same = (stage: Stage) => STAGES.filter((other) => isSameStage(stage, other)).map((other) => JSON.stringify(other));
    expect(STAGES.filter((stage) => same(stage).some((other) => other !== JSON.stringify(stage)))).toEqual([]);
  });

  test("is no longer written over once somebody else has changed it, though its status is the same", () => {
    store.changes.write(job(), { stage: active("RUNNING") });
    const seen = job();
    store.changes.write(seen, { stage: removing("RUNNING", "DELETED") });
    expect(store.changes.write(seen, { stage: ended("ERROR") })).toBe(false);
    expect(job().stage).toEqual(removing("RUNNING", "DELETED"));
  });
});

type Flags = Required<Pick<StageWords, "status" | "settled" | "due" | "removal">>;

/** Whether a job can be so: what means nothing in its stage may stand in the columns, as older versions leave it. */
function canBe({ status, settled, due, removal }: Flags): boolean {
  if (hasEnded(status)) return settled || !isHeld(status);
  if (settled) return false;
  return removal !== "NOT_SUBMITTED" || (status === "NOT_SUBMITTED" && due);
}

const COMBINATIONS: readonly Flags[] = LOCAL_STATUSES.flatMap((status) =>
  [null, "NOT_SUBMITTED" as const, "ERROR" as const, "DELETED" as const, "DELETED_REPLICA" as const].flatMap((removal) =>
    [false, true].flatMap((settled) => [false, true].map((due) => ({ status, removal, settled, due }))),
  ),
);

describe("the columns of a stage", () => {
  const write = (status: string, removal: string | null, settled: number, due: number) =>
    raw
      .prepare("UPDATE jobs SET status = ?, removal = ?, settled = ?, due = ?, lingers = 0, output_late = 0")
      .run(status, removal, settled, due);

  test("take every combination that a job can be in, as its stage, and no other", () => {
    const wrong = COMBINATIONS.filter((flags) => {
      const { status, removal, settled, due } = flags;
      try {
        write(status, removal, Number(settled), Number(due));
      } catch (error) {
        return canBe(flags) || !String(error).includes("CHECK constraint failed: stage_exists");
      }
      return !canBe(flags) || !isSameStage(job().stage, stageOf(flags));
    });
    expect(wrong).toEqual([]);
    expect(COMBINATIONS.filter((flags) => !canBe(flags)).length).toBeGreaterThan(50);
  });

  test.each<[string, Parameters<typeof write>]>([
    ["a status of no job here", ["UNDEFINED", null, 0, 0]],
    ["an end that is none", ["RUNNING", "COMPLETED", 0, 0]],
    ["an end that is none, of what has ended", ["ERROR", "RUNNING", 1, 0]],
    ["a flag that is neither set nor not", ["COMPLETED", null, 2, 0]],
  ])("take no %s", (_, values) => {
    expect(() => write(...values)).toThrow("CHECK constraint failed: stage_exists");
  });

  test("make no job either that can't be", () => {
    const sql = `INSERT INTO jobs (workflow, id, file_name, attempt, kube_name, content_hash, image, request, status, settled, created)
      SELECT workflow, 'Job-2', 'Job-2', 0, 'k-job-2', content_hash, image, request, 'RUNNING', 1, created FROM jobs`;
    expect(() => raw.exec(sql)).toThrow("CHECK constraint failed: stage_exists");
  });
});

test.each<LocalStatus>(["NOT_SUBMITTED", "QUEUED", "RUNNING"])("a job that is %s is not late with its output", (status) => {
  raw.prepare("UPDATE jobs SET status = ?, removal = NULL, settled = 0, due = 0, lingers = 1, output_late = 1").run(status);
  expect(store.jobs.late(workflow)).toEqual([]);
  expect(store.jobs.lingering(workflow)).toEqual([]);
});
