import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Judged } from "../../src/services/orphans/judged.ts";
import { SweepMetrics } from "../../src/services/orphans/metrics.ts";

const root = path.resolve(import.meta.dirname, "../..");
const RULES = "deploy/prometheus-rules.yaml";

let promtool: string;
let folder: string;
beforeAll(() => {
  promtool = execFileSync("bash", ["scripts/promtool.sh"], { cwd: root, encoding: "utf8" }).trim();
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-prometheus-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What promtool says of something, which it ends with 0 where nothing is wrong. */
function checked(args: readonly string[], input?: string): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: root, encoding: "utf8", input });
  return { status, said: stdout + stderr };
}

/** What a sweep writes that found one workflow of each verdict. */
async function written(): Promise<string> {
  const file = path.join(folder, "sweep.prom");
  const metrics = new SweepMetrics(file, () => new Date());
  const judged = ["in use", "uncertain", "lost", "finished"].map((verdict) => ({
    verdict,
    workflow: { volumes: [{}] },
    facts: { quiet: 3 },
  }));
  metrics.note(judged as unknown as Judged[]);
  await metrics.write(false);
  return readFileSync(file, "utf8");
}

const names = (text: string) => [...new Set(text.match(/\bgasw_k8s_\w+/g))].sort();

describe("deploy/prometheus-rules.yaml", () => {
  test("is what Prometheus takes", () => {
    expect(checked(["check", "rules", RULES])).toMatchObject({ status: 0, said: expect.stringContaining("3 rules found") });
  });

  test("raises its alerts when it should, and no sooner (test/fixtures/prometheus/rules.test.yaml)", () => {
    expect(checked(["test", "rules", "test/fixtures/prometheus/rules.test.yaml"])).toMatchObject({
      status: 0,
      said: expect.stringContaining("SUCCESS"),
    });
  });

  test("asks for no figure that a sweep does not write", async () => {
    const asked = names(readFileSync(path.join(root, RULES), "utf8"));
    expect(asked.length).toBeGreaterThan(2);
    expect(names(await written())).toEqual(expect.arrayContaining(asked));
  });
});

describe("the figures of a sweep", () => {
  test("are named as Prometheus recommends", async () => {
    expect(checked(["check", "metrics"], await written())).toEqual({ status: 0, said: "" });
  });

  test("are all in docs/sweeping.md, and no others", async () => {
    expect(names(readFileSync(path.join(root, "docs/sweeping.md"), "utf8"))).toEqual(names(await written()));
  });
});
