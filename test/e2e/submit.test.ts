import { afterEach, describe, expect, test } from "vitest";
import { TestWorkflow } from "./harness.ts";

describe("submit", () => {
  let workflow: TestWorkflow;
  afterEach(() => workflow.cleanup());

  test("runs a script in the workflow's directory, as its owner, with its streams in out/ and err/", async () => {
    workflow = new TestWorkflow({ name: "workflow-gENTZc" });
    const result = await workflow.runJob("Basic_Grep.2-360261301594475", "pwd; id -u; echo trouble >&2\n");
    expect(result).toEqual({ stdout: "Basic_Grep.2-360261301594475\n", stderr: "", code: 0 });
    expect(workflow.out("Basic_Grep.2-360261301594475")).toBe(`${workflow.directory}\n${workflow.owner}\n`);
    expect(workflow.err("Basic_Grep.2-360261301594475")).toBe("trouble\n");
  });
});
