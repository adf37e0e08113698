import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobRow, row, sqliteDatabase } from "./gaswDatabase.ts";
import { TestWorkflow } from "./harness.ts";

/** An image by the recipe of docs/images.md, which scripts/try-image.sh builds. */
const image = process.env.GASW_K8S_TEST_JOB_IMAGE;
const fixtures = path.resolve(import.meta.dirname, "../fixtures/job-image");
/** GASW's own script, where there is one at hand. */
const script = process.env.GASW_K8S_TEST_GASW_SCRIPT ?? path.join(fixtures, "script.sh");
/** Nobody whom the image knows. */
const OWNER = 54321;

describe.skipIf(image === undefined)("an image by the recipe of docs/images.md", () => {
  let workflow: TestWorkflow;
  beforeAll(() => {
    workflow = new TestWorkflow({ owner: OWNER });
  });
  afterAll(() => workflow.cleanup());

  test("has all that the probe looks for", async () => {
    workflow.configure({ image, env: { SITE_NAME: "site.example.org" } });
    const { stdout, stderr, code } = await workflow.cli("engine", "probe");
    expect({ stderr, code }, stdout).toEqual({ stderr: "", code: 0 });
    expect(stdout).toMatch(/^ok {7}image {8}boutiques 0\.5\.33$/m);
    expect(stdout).not.toMatch(/^refused/m);
  });

  test("runs a script like GASW's with bosh to its end: the result is there, and the node is recorded", async () => {
    const database = sqliteDatabase(path.join(workflow.folder, "gasw.db"));
    workflow.configure({ image, env: { SITE_NAME: "site.example.org" }, dao: database.config });
    for (const name of ["config", "inv"]) mkdirSync(path.join(workflow.directory, name), { recursive: true });
    const put = (name: string, text: string) => writeFileSync(path.join(workflow.directory, name), text);
    put(
      "config/Greet-1-configuration.sh",
      `workflow=${workflow.directory}\n${readFileSync(path.join(fixtures, "configuration.sh"), "utf8")}`,
    );
    put("inv/Greet-1-invocation.json", '{"name":"world"}\n');
    copyFileSync(path.join(fixtures, "greet.json"), path.join(workflow.directory, "greet.json"));
    const text = readFileSync(script, "utf8");
    put("sh/Greet-1.sh", text);
    workflow.own();
    const { code } = await workflow.cli("submit", "sh/Greet-1.sh", "--wait", "--wait-timeout", "2m");
    expect(code, workflow.err("Greet-1")).toBe(0);
    expect(readFileSync(path.join(workflow.directory, "results/greeting.txt"), "utf8")).toBe("hello world\n");
    expect(JSON.parse(readFileSync(path.join(workflow.directory, "Greet-1.sh.provenance.json"), "utf8"))).toMatchObject({
      "additional-information": { jobid: "Greet-1" },
    });
    expect((await workflow.cli("status", "--sync")).code).toBe(0);
    expect(await jobRow(database, workflow, "Greet-1")).toMatchObject({ status: "COMPLETED", exit_code: 0, node_site: "site.example.org" });
    expect(await row(database, "SELECT * FROM Nodes")).toMatchObject({ site: "site.example.org", node_name: expect.stringMatching(/./) });
    expect(await row(database, "SELECT * FROM Data WHERE data_type = 'Output'")).toMatchObject({
      data_path: expect.stringContaining("/results/greeting.txt"),
    });
  }, 180_000);
});
