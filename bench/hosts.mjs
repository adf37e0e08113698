// Two hosts that serve the same workflows, two clusters, monitors that go blind, tokens that are revoked and a late file server, together and
// at random: is anything lost, or run twice? Usage: node bench/hosts.mjs [MINUTES] [SEED]; needs the project's cluster and a build.
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Engine } from "./hosts/engine.mjs";
import { Faults } from "./hosts/faults.mjs";
import { Host } from "./hosts/host.mjs";
import { jobScript } from "./hosts/jobScript.mjs";
import { Judge, rowsIn } from "./hosts/judge.mjs";
import { Chance } from "./hosts/random.mjs";
import { World } from "./hosts/world.mjs";

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
/** Actions under way at once. */
const AT_ONCE = 4;
/** Milliseconds until all must be settled, once nothing goes wrong any more. */
const SETTLING_MS = 6 * 60_000;

const say = (text) => process.stdout.write(`${text}\n`);
const chance = new Chance(seed);
const begin = performance.now();
const since = () => `${Math.round((performance.now() - begin) / 1000)} s`;

async function eventually(what, limit, look) {
  const deadline = performance.now() + limit;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limit / 1000} s`);
    await pause(1000);
  }
}

/** Has both hosts know all workflows, and proves that the program sees files late when it is to. */
async function warmUp(world, a, b, engine) {
  for (const directory of world.directories) {
    const job = { id: `seed-${directory.split("/").at(-1)}`, directory, accepted: [], refused: new Map(), asked: [] };
    engine.jobs.set(job.id, job);
    world.script(directory, job.id, jobScript(job.id, 1, [0]));
    const code = await engine.submit(a, job);
    if (code !== 0) throw new Error(`the first submission ends with ${code}: ${job.refused.get("a")}`);
  }
  const [directory] = world.directories;
  await eventually("a job whose output the program can't see is awaited", 120_000, async () => {
    const { stdout } = await a.run(directory, ["status", "-o", "json"], { LATE_FILES_DELAY: "3600" });
    return JSON.parse(stdout).jobs[0].reason === "OutputLate";
  });
  await world.disown();
  for (const each of world.directories) {
    engine.serve(each, b);
    const followed = await engine.follow(each, b);
    if (followed?.code !== 0) throw new Error(`the other host can't follow: ${followed?.stdout}${followed?.stderr}`);
    // Makes the GASW database's tables, into which signals are written.
    await b.run(each, ["status", "--sync"]);
  }
}

/** Actions and faults, until the time is over. */
async function storm(engine, faults) {
  const end = performance.now() + minutes * 60_000;
  const running = new Set();
  const failures = [];
  let nextFault = performance.now() + 10_000;
  // A host that dies at the beginning has the other one follow also in a short run.
  /** @type {string | undefined} */
  let kind = "death";
  while (performance.now() < end && failures.length === 0) {
    if (performance.now() >= nextFault) {
      faults.begin(kind);
      kind = undefined;
      nextFault = performance.now() + chance.between(4000, 15_000);
    }
    if (running.size < AT_ONCE) {
      const action = engine
        .act()
        .catch((error) => failures.push(error))
        .finally(() => running.delete(action));
      running.add(action);
    }
    await pause(chance.between(300, 1700));
  }
  await faults.lift();
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
}

/** One host serves all that is left, to its end. */
async function settle(world, engine, last, other) {
  other.die();
  await other.end();
  for (const directory of world.directories) {
    await eventually(`${directory} is served by host ${last.name}`, SETTLING_MS, async () => {
      engine.serve(directory, last);
      const followed = await engine.follow(directory, last);
      return followed !== undefined && !/served from another state file/.test(followed.stdout + followed.stderr);
    });
  }
  await last.end();
  const isSettled = async (directory) => {
    await last.run(directory, ["status", "--sync"]);
    return rowsIn(last).every((row) => row.directory !== directory || row.settled === 1);
  };
  // What has not settled by then is for the judge.
  await eventually("everything is settled", SETTLING_MS, async () =>
    (await Promise.all(world.directories.map(isSettled))).every(Boolean),
  ).catch((error) => say(error.message));
  for (const directory of world.directories) await last.run(directory, ["status", "--sync"]);
}

/** A clean-up leaves nothing. */
async function cleanUp(world, last, judge) {
  for (const directory of world.directories) {
    const { code, stderr } = await last.run(directory, ["cleanup", "--yes", "--cancel"]);
    if (code !== 0) judge.violations.push(`the clean-up of ${directory} ends with ${code}: ${stderr}`);
  }
  const left = await eventually("pods are gone", 60_000, async () => (await world.left("pods")).length === 0).then(
    async () => [...(await world.left("jobs,pods,pvc,leases")), ...(await world.volumes())],
    async () => await world.left("pods"),
  );
  for (const name of left) judge.violations.push(`a clean-up has left ${name}`);
}

function summary(world, engine, faults, hosts, judge) {
  const commands = hosts.flatMap((host) => host.commands);
  const jobs = [...engine.jobs.values()];
  const late = readFileSync(world.lateLog, "utf8").split("\n").filter(Boolean);
  const counts = {
    ...engine.counts,
    scripts: jobs.length,
    accepted: jobs.filter(({ accepted }) => accepted.length > 0).length,
    runs: judge.runs.length,
    "runs without an end": judge.runs.filter(({ code }) => typeof code !== "number").length,
    takeovers: commands.reduce((sum, { stderr }) => sum + stderr.split("takes workflow").length - 1, 0),
    "commands refused (7)": commands.filter(({ code }) => code === 7).length,
    "commands refused (3)": commands.filter(({ code }) => code === 3).length,
    "commands killed": commands.filter(({ code }) => code === null).length,
    ...faults.counts,
    "attempts that died with their host": judge.unheardOf,
    "files seen late": new Set(late).size,
  };
  say(
    Object.entries(counts)
      .map(([name, count]) => `${name}: ${count}`)
      .join(", "),
  );
}

async function main() {
  say(`node bench/hosts.mjs ${minutes} ${seed}`);
  const world = new World();
  /** @type {Host[]} */
  const hosts = [];
  let isClean = false;
  const end = async () => {
    for (const host of hosts) host.die();
    await world.end(!isClean);
  };
  // Once all is taken down nothing else would end the run.
  process.once("SIGINT", () => void end().finally(() => process.exit(130)));
  try {
    await world.begin();
    hosts.push(...["a", "b"].map((name) => new Host(name, world)));
    const engine = new Engine(world, hosts, chance);
    const faults = new Faults(hosts, chance);
    await warmUp(world, hosts[0], hosts[1], engine);
    say(`${since()}: both hosts know the workflows, and see files late`);
    for (const host of hosts) host.monitor();
    await storm(engine, faults);
    await world.confirm();
    const last = chance.one(hosts);
    say(`${since()}: nothing goes wrong any more, host ${last.name} goes on alone`);
    await settle(
      world,
      engine,
      last,
      hosts.find((host) => host !== last),
    );
    await world.confirm();
    say(`${since()}: settled`);
    const judge = new Judge(world, engine, hosts, last);
    judge.all();
    for (const host of hosts) {
      judge.told(host);
      judge.answers(host);
    }
    await cleanUp(world, last, judge);
    summary(world, engine, faults, hosts, judge);
    for (const violation of judge.violations) say(`VIOLATION ${violation}`);
    say(
      `${judge.violations.length} violations (seed ${seed}${judge.violations.length === 0 ? "" : `; all of it is kept in ${world.folder}`})`,
    );
    isClean = judge.violations.length === 0;
  } finally {
    await end();
  }
  process.exitCode = isClean ? 0 : 1;
}

await main();
