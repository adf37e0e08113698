import { afterEach, expect, test } from "vitest";
import { printed } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";
import { MonitoredWorkflow, waitFor } from "./monitored.ts";

let workflow: MonitoredWorkflow;
afterEach(() => workflow.finish());

const linesOf = (stdout: string) => stdout.split("\n").filter((line) => line !== "");
const shortly = (stdout: string) =>
  linesOf(stdout).map((line) => {
    const { kind, attemptId, status } = JSON.parse(line);
    return `${kind} ${attemptId} ${status}`;
  });

test("monitor --changes also tells when a job begins to run, fails and is retried; the next monitor begins with what is now", async () => {
  workflow = new MonitoredWorkflow();
  await workflow.cli("submit", workflow.script("Job-1", `[ -e again ] || { ${waitFor("go")}touch again; exit 3; }\n`));
  const running = workflow.monitor("-o", "ndjson", "--changes");
  await printed(running, /"status":"RUNNING"/);
  workflow.letGo("go");
  const { stdout } = await running.ended;
  const told = shortly(stdout);
  expect(told).toEqual(expect.arrayContaining(["change Job-1 RUNNING", "change Job-1 ERROR", "change Job-1-r1 COMPLETED"]));
  expect(told.indexOf("change Job-1 RUNNING")).toBeLessThan(told.indexOf("change Job-1 ERROR"));
  expect(told.filter((line) => line.startsWith("result"))).toEqual(["result Job-1-r1 COMPLETED"]);
  expect(told.indexOf("result Job-1-r1 COMPLETED")).toBeGreaterThan(told.indexOf("change Job-1-r1 COMPLETED"));
  const changes = linesOf(stdout).filter((line) => JSON.parse(line).kind === "change");
  expect(changes.flatMap((line) => misfits("change", line))).toEqual([]);

  const { cursor } = JSON.parse(linesOf(stdout).at(-1) ?? "");
  const next = await workflow.cli("monitor", "-o", "ndjson", "--changes", "--since", String(cursor));
  expect(shortly(next.stdout)).toEqual(["change Job-1 ERROR", "change Job-1-r1 COMPLETED"]);
});

test("monitor --changes without -o ndjson is refused: as text, every change is printed anyway", async () => {
  workflow = new MonitoredWorkflow();
  expect(await workflow.cli("monitor", "--changes")).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringMatching(/^error: --changes requires -o ndjson\nhint: leave it out/),
  });
});
