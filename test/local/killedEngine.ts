import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { isAlive } from "../integration/dao/javaProcesses.ts";
import { randomNumbers } from "../random.ts";
import { END, type EngineWorkflow } from "./enginePlugin.ts";

/** The seed of this run, with which it is the same again. */
const SEED = Number(process.env.GASW_K8S_TEST_SEED ?? 1);

/**
 * Runs an engine with jobs that complete, that fail and are retried, and one that is held until it is released through the database; kills
 * its processes at random moments, and every fourth time itself: each job is told once, and its rows say what has become of it.
 */
export async function surviveKills(
  workflow: EngineWorkflow,
  { jobs, kills }: { readonly jobs: number; readonly kills: number },
): Promise<void> {
  const random = randomNumbers(SEED);
  const ids = Array.from({ length: jobs }, (_, index) => `Job-${index + 10}`);
  for (const id of ids) {
    const kind = random();
    const sleep = `sleep ${(random() * 2).toFixed(1)}\n`;
    workflow.plan(id, kind < 0.3 ? `[ -e ${id}-was ] || { touch ${id}-was; exit 3; }\n${sleep}${END}` : `${sleep}${END}`);
  }
  workflow.plan("Held-1", `[ -e fixed ] || exit 3\n${END}`);
  const engine = await killAtRandom(workflow, kills, random);
  await workflow.hears("changed Held-1-r1 ERROR_HELD");
  writeFileSync(path.join(workflow.directory, "fixed"), "");
  await workflow.database.query("UPDATE JOBS SET STATUS = 'UNHOLD_ERROR' WHERE ID = 'Held-1-r1'");
  expect(await engine.ended, `seed ${SEED}`).toBe(0);
  expect(workflow.told, `seed ${SEED}`).toEqual(["Held-1", ...ids].sort());
  await expectRows(workflow);
  expect(await workflow.jobs()).toEqual([]);
}

/** Returns the engine that lives in the end. */
async function killAtRandom(workflow: EngineWorkflow, kills: number, random: () => number) {
  let engine = workflow.engine();
  for (let round = 0; round < kills; round++) {
    const children = await engine.children();
    const victim = children[Math.floor(random() * children.length)] ?? 0;
    await new Promise((resolve) => setTimeout(resolve, random() * 800));
    if (round % 4 === 3) {
      await engine.kill("SIGKILL");
      engine = workflow.engine();
    } else if (isAlive(victim)) process.kill(victim, "SIGKILL");
  }
  return engine;
}

/** Each invocation has completed once, under a number of its own. */
async function expectRows(workflow: EngineWorkflow): Promise<void> {
  const rows = await workflow.database.query("SELECT FILE_NAME, STATUS, INVOCATION_ID FROM JOBS");
  const completed = rows.filter(({ STATUS }) => STATUS === "COMPLETED").map(({ FILE_NAME }) => FILE_NAME);
  expect(completed.sort()).toEqual(workflow.told);
  expect(rows.filter(({ STATUS }) => STATUS !== "COMPLETED" && STATUS !== "ERROR")).toEqual([]);
  const invocations = new Map(rows.map(({ FILE_NAME, INVOCATION_ID }) => [FILE_NAME, INVOCATION_ID]));
  expect(new Set(invocations.values()).size).toBe(invocations.size);
}
