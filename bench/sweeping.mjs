// Sweeps over namespaces in which engines submit, are killed, are stopped and come back: is anything touched that is alive, or foreign?
// Usage: node bench/sweeping.mjs [MINUTES] [SEED]; needs the project's cluster and a build.
import { setMaxListeners } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Chance } from "./hosts/random.mjs";
import { Engine, LIVES } from "./sweeping/engine.mjs";
import { foreignObjects, replacedVolume } from "./sweeping/foreign.mjs";
import { Judge } from "./sweeping/judge.mjs";
import { Record } from "./sweeping/record.mjs";
import { Sweeper } from "./sweeping/sweeper.mjs";
import { World } from "./sweeping/world.mjs";

const minutes = Number(process.argv[2] ?? 3);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const ENGINES = 20;
const SWEEPERS = 3;
const NAMESPACES = ["a", "b", "c", "d"].map((name) => `sweep-${seed}-${name}`);
/** Milliseconds after which an engine counts as gone, and a few more. */
const SILENCE_MS = 63_000;
/** Milliseconds until the last jobs have ended. */
const ENDING_MS = 120_000;

const say = (text) => process.stdout.write(`${text}\n`);
const chance = new Chance(seed);
const begin = performance.now();
const since = () => `${Math.round((performance.now() - begin) / 1000)} s`;

function makeEngines(world, signal) {
  return Array.from({ length: ENGINES }, (_, index) => {
    const workflow = {
      id: `workflow-${seed}-${index}`,
      namespace: NAMESPACES[index % NAMESPACES.length],
      life: LIVES[index % LIVES.length],
      // Where nothing ever ends, what is left behind is lost, not finished.
      isWaiting: index % 3 === 0,
    };
    return new Engine(world, new Chance(seed + index), workflow, signal);
  });
}

/** Puts what is not the tool's own beside it. @returns {Promise<any[]>} */
async function makeForeign(world) {
  const objects = NAMESPACES.slice(0, -1).flatMap(foreignObjects);
  const [namespace] = NAMESPACES;
  const someone = new Engine(world, chance, { id: `workflow-${seed}-theirs`, namespace, life: "forgetful" }, AbortSignal.abort());
  const { items } = JSON.parse(await someone.dryRun());
  objects.push(replacedVolume(items.find(({ kind }) => kind === "PersistentVolume")));
  // The last namespace is not there before the first submission to it.
  for (const name of NAMESPACES.slice(0, -1)) await world.kubectl("create", "namespace", name);
  await world.create(...objects);
  return objects;
}

/** Engines and sweepers at once, until the time is over and no process is left. */
async function storm(world, sweepers) {
  const over = AbortSignal.timeout(minutes * 60_000);
  setMaxListeners(0, over);
  const engines = makeEngines(world, over);
  await Promise.all([...engines.map((engine) => engine.live()), ...sweepers.map((sweeper) => sweeper.sweepOn(over))]);
  return engines;
}

/** Waits until no container of a job runs any more. */
async function jobsEnded(world) {
  const deadline = performance.now() + ENDING_MS;
  const running = async (namespace) =>
    (await world.kubectl("get", "pods", "-n", namespace, "--field-selector", "status.phase=Running", "-o", "name")).trim();
  while ((await Promise.all(NAMESPACES.map(running))).some((names) => names !== "")) {
    if (performance.now() > deadline) throw new Error("jobs do not end");
    await pause(1000);
  }
}

async function main() {
  say(`node bench/sweeping.mjs ${minutes} ${seed}`);
  const world = new World(NAMESPACES);
  let isClean = false;
  // Once all is taken down nothing else would end the run.
  process.once("SIGINT", () => void world.end(true).finally(() => process.exit(130)));
  try {
    await world.begin();
    const record = new Record(world);
    const foreign = await makeForeign(world);
    const sweepers = Array.from(
      { length: SWEEPERS },
      (_, index) => new Sweeper(world, record, new Chance(seed - 1 - index), `sweeper-${index}`),
    );
    const engines = await storm(world, sweepers);
    say(`${since()}: nobody submits any more`);
    await jobsEnded(world);
    await pause(SILENCE_MS);
    for (const namespace of NAMESPACES) await sweepers[0].sweep(namespace);
    say(`${since()}: one last sweep is over`);
    // What the cluster removes after its deletion.
    await pause(3000);
    const events = record.events();
    const judge = new Judge(events, engines, sweepers, foreign);
    record.end();
    judge.all();
    say(judge.summary());
    for (const violation of judge.violations) say(`VIOLATION ${violation}`);
    isClean = judge.violations.length === 0;
    if (!isClean) writeFileSync(path.join(world.folder, "events.json"), JSON.stringify(events, null, 1));
    say(`${judge.violations.length} violations (seed ${seed}${isClean ? "" : `; all of it is kept in ${world.folder}`})`);
  } finally {
    await world.end(!isClean);
  }
  process.exitCode = isClean ? 0 : 1;
}

await main();
