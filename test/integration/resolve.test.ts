import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resolve, resolveJobs } from "../../src/services/workflow/resolve.ts";
import { Invocations } from "./invocations.ts";

describe("what a command line means", () => {
  let life: Invocations;
  beforeAll(async () => {
    life = await Invocations.begin({ retryCount: 1 });
    life.submitted("Job-1");
  });
  afterAll(() => life.end());

  const elsewhere = () => path.join(life.directory, "..", "elsewhere");

  test("is the workflow that is named, or the one around the current folder", () => {
    const { directory } = life;
    const known = { directory, workflow: expect.objectContaining({ id: life.workflow.id }), unknown: undefined };
    expect(resolve(life.deps, { cwd: "/", workflow: directory })).toEqual(known);
    expect(resolve(life.deps, { cwd: path.join(directory, "sh") })).toEqual(known);
    expect(resolve(life.deps, { cwd: "/" })).toEqual({});
  });

  test("is a directory that nothing is known of, unless scripts alone are named, which name their workflow themselves", () => {
    const script = path.join(life.directory, "sh", "Job-1.sh");
    const unknown = (...names: string[]) => resolve(life.deps, { cwd: "/", workflow: elsewhere(), names }).unknown;
    expect(unknown()).toBe(elsewhere());
    expect(unknown("Job-1")).toBe(elsewhere());
    expect(unknown(script, "Job-1")).toBe(elsewhere());
    expect(unknown(script)).toBeUndefined();
  });

  test("is the jobs by id, script or the beginning of an id, the last only where nothing is destroyed", () => {
    const jobs = (names: string[], prefix: boolean) =>
      resolveJobs(life.deps, { cwd: life.directory, names }, { prefix }).map(({ id }) => id);
    expect(jobs(["Job-1", "sh/Job-1.sh"], false)).toEqual(["Job-1", "Job-1"]);
    expect(jobs(["Jo"], true)).toEqual(["Job-1"]);
    expect(() => jobs(["Jo"], false)).toThrow("no job Jo in workflow");
  });

  test("is refused where it is about a workflow that is not known", () => {
    const named = { cwd: "/", workflow: elsewhere(), names: ["Job-1"] };
    expect(() => resolveJobs(life.deps, named, { prefix: true })).toThrow("workflow elsewhere (");
  });
});
