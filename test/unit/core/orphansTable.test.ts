import path from "node:path";
import { expect, test } from "vitest";
import type { Facts } from "../../../src/core/orphans/facts.ts";
import { type Evidence, judge } from "../../../src/core/orphans/verdict.ts";
import { SILENCE_S, type Tenure } from "../../../src/core/owner.ts";

const DAY_S = 86_400;
const TABLE = path.join(import.meta.dirname, "orphans.table.md");

function tenure(silence: number | undefined, isCleaned = false): Tenure {
  const owner = { id: "other", host: "engine-1", user: "www", place: undefined };
  return { owner, directory: undefined, since: undefined, silence, killed: new Set(), isCleaned, former: new Set(), transitions: 0 };
}

const ENGINES: Readonly<Record<string, Tenure | undefined>> = {
  none: undefined,
  alive: tenure(SILENCE_S),
  silent: tenure(SILENCE_S + 1),
  "of unknown age": tenure(undefined),
  "silent, cleaning up": tenure(SILENCE_S + 1, true),
};
const JOBS: Readonly<Record<string, Facts["jobs"]>> = {
  none: { running: 0, waiting: 0, completed: 0, failed: 0 },
  ended: { running: 0, waiting: 0, completed: 1, failed: 1 },
  waiting: { running: 0, waiting: 2, completed: 1, failed: 0 },
  running: { running: 1, waiting: 1, completed: 0, failed: 0 },
};
const QUIET: Readonly<Record<string, number | undefined>> = { "a minute": 60, "a day": DAY_S, unknown: undefined };
const VOLUMES: Readonly<Record<string, Pick<Facts, "claim" | "volume">>> = {
  bound: { claim: "Bound", volume: "Bound" },
  "without its claim": { claim: undefined, volume: "Released" },
  "lost to its claim": { claim: "Lost", volume: undefined },
  none: { claim: undefined, volume: undefined },
};
const KNOWN: Evidence = { unseen: [], namespace: "there", here: undefined, directory: "unknown", database: undefined };
const EVIDENCE: Readonly<Record<string, Partial<Evidence>>> = {
  "-": {},
  "a list is missing": { unseen: ["Jobs"] },
  "namespace gone": { namespace: "gone" },
  "namespace terminating": { namespace: "terminating" },
  "directory gone": { directory: "gone" },
  "directory there": { directory: "there" },
  "monitored here": { here: { isMonitored: true, active: 1 } },
  "active here": { here: { isMonitored: false, active: 1 } },
  "database unread": { database: "unread" },
  "database changed a minute ago": { database: { quiet: 60, open: 0 } },
  "database has active jobs": { database: { quiet: DAY_S, open: 1 } },
  "database has ended jobs": { database: { quiet: DAY_S, open: 0 } },
};

function factsOf(engine: string, jobs: string, quiet: string, volume: string): Facts {
  return {
    mismatch: undefined,
    engine: ENGINES[engine],
    jobs: JOBS[jobs] as Facts["jobs"],
    directory: "/workflows/one",
    quiet: QUIET[quiet],
    ...(VOLUMES[volume] as Pick<Facts, "claim" | "volume">),
  };
}

/** Every combination of what the cluster shows, without further evidence; then each further evidence with each verdict's first case. */
function rows(): string[][] {
  const seen: string[][] = [];
  for (const engine of Object.keys(ENGINES))
    for (const jobs of Object.keys(JOBS))
      for (const quiet of Object.keys(QUIET)) for (const volume of Object.keys(VOLUMES)) seen.push([engine, jobs, quiet, volume, "-"]);
  for (const evidence of Object.keys(EVIDENCE).slice(1))
    for (const engine of Object.keys(ENGINES)) for (const jobs of Object.keys(JOBS)) seen.push([engine, jobs, "a day", "bound", evidence]);
  return seen.map(([engine = "", jobs = "", quiet = "", volume = "", evidence = ""]) => {
    const { verdict, reason } = judge(factsOf(engine, jobs, quiet, volume), { ...KNOWN, ...EVIDENCE[evidence] }, DAY_S);
    return [engine, jobs, quiet, volume, evidence, verdict, reason];
  });
}

const HEADER = ["engine", "jobs", "last sign of life", "volume", "beside it", "verdict", "reason"];

test("the verdict over every workflow is as the committed table says", async () => {
  const lines = [HEADER, HEADER.map(() => "---"), ...rows()].map((cells) => `| ${cells.join(" | ")} |`);
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(TABLE);
});

test("nothing that is alive, running, recent or not seen whole is ever removed", () => {
  for (const [engine, jobs, quiet, , evidence, verdict = ""] of rows()) {
    const isAlive = engine === "alive" || jobs === "running" || quiet !== "a day" || evidence === "monitored here";
    const isUnsure = ["a list is missing", "database unread", "database changed a minute ago"].includes(evidence ?? "");
    if (isAlive || isUnsure) expect(["in use", "uncertain"]).toContain(verdict);
  }
});

test("objects that do not fit together are uncertain, whatever else is known of them", () => {
  const facts = { ...factsOf("silent", "none", "a day", "without its claim"), mismatch: "two directories" };
  for (const more of Object.values(EVIDENCE)) expect(judge(facts, { ...KNOWN, ...more }, DAY_S).verdict).toBe("uncertain");
});
