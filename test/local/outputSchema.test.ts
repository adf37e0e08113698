import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestWorkflow } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";

describe("the published schema of the output", () => {
  let workflow: TestWorkflow;
  beforeAll(() => {
    workflow = new TestWorkflow({ account: "admin" });
  });
  afterAll(() => workflow.cleanup());

  test("describes what submit, wait, status, why, cleanup and errors print", async () => {
    const submitted = await workflow.cli(
      "submit",
      workflow.script("Fine-1", "exit 0\n"),
      workflow.script("Bad-2", "exit 4\n"),
      "-o",
      "json",
    );
    expect(misfits("submit", submitted.stdout)).toEqual([]);
    expect(JSON.parse(submitted.stdout).jobs).toHaveLength(2);
    const lines = await workflow.cliWith({ input: '{"script":"sh/Fine-1.sh"}\nnonsense\n' }, "submit", "--from", "-");
    const answers = lines.stdout.trim().split("\n");
    expect(answers.flatMap((line) => misfits(line.includes('"error"') ? "refused" : "submitted", line))).toEqual([]);
    expect(answers).toHaveLength(2);
    const waited = await workflow.cli("wait", "Fine-1", "Bad-2", "--wait-timeout", "300s", "-o", "json");
    expect(misfits("status", waited.stdout)).toEqual([]);
    const ended = (await workflow.cli("wait", "Fine-1", "Bad-2", "-o", "ndjson")).stdout.trim().split("\n");
    expect(ended.flatMap((line) => misfits("job", line))).toEqual([]);
    expect(ended).toHaveLength(2);
    const status = await workflow.cli("status", "-o", "json");
    expect(misfits("status", status.stdout)).toEqual([]);
    expect(JSON.parse(status.stdout).jobs.map((job: { status: string }) => job.status)).toEqual(["COMPLETED", "ERROR"]);
    expect(misfits("why", (await workflow.cli("debug", "why", "Bad-2", "-o", "json")).stdout)).toEqual([]);
    expect(misfits("error", (await workflow.cli("status", "unknown", "-o", "json")).stderr)).toEqual([]);
    for (const env of [{}, { GASW_K8S_IMAGE: "no image" }, { GASW_K8S_CONFIG: undefined }])
      expect(misfits("configCheck", (await workflow.cliWith({ env }, "config", "check", "-o", "json")).stdout)).toEqual([]);
    expect(misfits("cleanupPlan", (await workflow.cli("cleanup", "-o", "json")).stdout)).toEqual([]);
    expect(misfits("adopt", (await workflow.cli("adopt", ".", "-o", "json")).stdout)).toEqual([]);
    const orphaned = ["cleanup", "--orphaned", "-n", workflow.namespace, "-o", "json"];
    expect(misfits("cleanupOrphaned", (await workflow.cli(...orphaned)).stdout)).toEqual([]);
    expect(misfits("cleanup", (await workflow.cli("cleanup", "--yes", "-o", "json")).stdout)).toEqual([]);
    for (const yes of [[], ["--yes"]]) {
      const state = await workflow.cli("cleanup", "--state", "--older-than", "0", ...yes, "-o", "json");
      expect(misfits("cleanupState", state.stdout)).toEqual([]);
      expect(JSON.parse(state.stdout).workflows).toHaveLength(1);
    }
    await workflow.cli("submit", workflow.script("Fine-1", "exit 0\n"));
    expect(misfits("cleanupForget", (await workflow.cli("cleanup", "--forget", "-o", "json")).stdout)).toEqual([]);
  });

  test("refuses what it does not describe", () => {
    expect(misfits("status", '{"jobs":[{"id":"Job-1"}]}')).not.toEqual([]);
  });
});
