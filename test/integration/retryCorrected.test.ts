import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JobOptions } from "../../src/core/job.ts";
import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { checkSubmissions } from "../../src/services/submit/checks.ts";
import { Submitter } from "../../src/services/submit/submitter.ts";
import { act } from "../../src/services/sync/actions.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
let warnings: string[];
beforeEach(async () => {
  life = await Invocations.begin({ retryCount: 0, resources: { memory: "1Gi" } });
  warnings = [];
  life.onWarning = (warning) => warnings.push(warning);
  life.write("sh/Job-1.sh", "true\n");
});
afterEach(() => life.end());

/** The answer of `submit`, as an engine gives the command. */
async function submit(options: JobOptions = {}) {
  const [checked] = checkSubmissions(
    life.deps.config,
    life.workflow,
    [{ script: `${life.directory}/sh/Job-1.sh`, options }],
    life.directory,
  );
  const submitter = new Submitter(life.deps, life.workflow);
  if (checked === undefined) throw new Error("nothing was checked");
  return await submitter.submit(checked, submitter.intend(checked));
}

const retry = (given: JobOptions = {}) => act(life.deps, life.workflow, [newest()], "retry", given);
const newest = () => life.store.jobs.attempts(life.workflow, "Job-1").at(-1) as NonNullable<ReturnType<Invocations["job"]>>;
const attempts = () => life.store.jobs.attempts(life.workflow, "Job-1").map(({ id, status }) => `${id} ${status}`);

/** Submits the job and has it fail, so that it is held. */
async function failed(options: JobOptions = {}): Promise<void> {
  await submit(options);
  await fail("Job-1");
  // That it is held was told.
  warnings = [];
}

async function fail(id: string): Promise<void> {
  life.write("out/Job-1.sh.out", "");
  life.show(id, 3);
  await life.round();
}

/** The container of an attempt's Job. */
function containerOf(id: string) {
  const made = life.made(id) as { spec: { template: { spec: { containers: { name: string; [key: string]: unknown }[] } } } };
  return made.spec.template.spec.containers.find(({ name }) => name === MAIN_CONTAINER);
}

describe("a retry with options", () => {
  test("makes an attempt with a content of its own, which is told, kept, and what later attempts are made of", async () => {
    await failed({ memory: "8Gi", cpu: "1" });
    life.write("sh/Job-1.sh", "true # mended\n");
    await retry({ memory: "16Gi", resource: { "example.org/fpga": "1" } });
    const changes = [
      { name: "memory", from: "8Gi", to: "16Gi" },
      { name: "resource example.org/fpga", from: "none", to: "1" },
      { name: "sh/Job-1.sh" },
    ];
    expect(warnings).toEqual(["job Job-1: memory 8Gi -> 16Gi; resource example.org/fpga none -> 1; sh/Job-1.sh changed"]);
    expect(life.job("Job-1").request).toEqual({ memory: "8Gi", cpu: "1" });
    expect(newest().request).toEqual({ memory: "16Gi", cpu: "1", resource: { "example.org/fpga": "1" }, changes });
    expect(containerOf("Job-1-r1")?.resources).toMatchObject({ requests: { memory: "16Gi", cpu: "1", "example.org/fpga": "1" } });
    await fail("Job-1-r1");
    await act(life.deps, life.workflow, [newest()], "release");
    expect(attempts()).toEqual(["Job-1 ERROR", "Job-1-r1 ERROR", "Job-1-r2 QUEUED"]);
    expect(newest().request).toEqual({ memory: "16Gi", cpu: "1", resource: { "example.org/fpga": "1" } });
    expect(containerOf("Job-1-r2")?.resources).toMatchObject({ limits: { memory: "16Gi" } });
  });

  test("names what the configuration stated before, and says nothing of an option that changes nothing", async () => {
    await failed({ cpu: "1" });
    await retry({ memory: "2Gi", cpu: "1000m" });
    expect(warnings).toEqual(["job Job-1: memory 1Gi -> 2Gi"]);
  });

  test("leaves both contents known: an engine that sends either again gets its id", async () => {
    await failed({ memory: "8Gi" });
    await retry({ memory: "16Gi" });
    for (const memory of ["8Gi", "16Gi"]) expect(await submit({ memory })).toMatchObject({ jobId: "Job-1", created: false });
    await expect(submit({ memory: "32Gi" })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("typed twice makes one attempt; another one is refused while that goes on, with the command that replaces it", async () => {
    await failed({ memory: "8Gi" });
    await retry({ memory: "16Gi" });
    await retry({ memory: "16Gi" });
    await expect(retry({ memory: "32Gi", env: { TOKEN: "s3cret" } })).rejects.toMatchObject({
      code: "CONFLICT",
      message: "job Job-1-r1 is QUEUED with different content, which cannot be changed any more",
      hint: expect.stringContaining("`gasw-k8s cancel Job-1 && gasw-k8s retry Job-1 --memory 32Gi --env TOKEN=VALUE`"),
    });
    expect(attempts()).toEqual(["Job-1 ERROR", "Job-1-r1 QUEUED"]);
  });

  test("is refused before anything changes where the cluster could not take it", async () => {
    await failed({ cpu: "2" });
    await expect(retry({ cpuLimit: "1" })).rejects.toMatchObject({ code: "USAGE" });
    expect(attempts()).toEqual(["Job-1 ERROR_HELD"]);
    expect(warnings).toEqual([]);
  });

  test("corrects what was never submitted, in its place", async () => {
    life.showClaim("Pending");
    const submitter = new Submitter(life.deps, life.workflow);
    const [checked] = checkSubmissions(
      life.deps.config,
      life.workflow,
      [{ script: `${life.directory}/sh/Job-1.sh`, options: {} }],
      life.directory,
    );
    if (checked !== undefined) submitter.intend(checked);
    life.showClaim("Bound");
    await retry({ memory: "2Gi" });
    expect(attempts()).toEqual(["Job-1 QUEUED"]);
    expect(containerOf("Job-1")?.resources).toMatchObject({ limits: { memory: "2Gi" } });
    expect(await submit({ memory: "2Gi" })).toMatchObject({ created: false });
  });
});

describe("a retry with an environment", () => {
  const values = (id: string) => {
    const variables = (containerOf(id)?.env ?? []) as readonly { name: string; value: string }[];
    return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
  };

  test("changes the values that are stated, keeps the others, and shows none of them", async () => {
    await failed({ env: { TOKEN: "old-s3cret", KEPT: "kept-s3cret" } });
    await retry({ env: { TOKEN: "new-s3cret", MORE: "more-s3cret" } });
    expect(values("Job-1-r1")).toMatchObject({ TOKEN: "new-s3cret", KEPT: "kept-s3cret", MORE: "more-s3cret" });
    expect(warnings).toEqual(["job Job-1: env TOKEN changed; env MORE changed"]);
    expect(JSON.stringify(life.store.jobs.all())).not.toContain("s3cret");
    // Later attempts have them from that attempt's Job, not from the first one's.
    await fail("Job-1-r1");
    await retry();
    expect(values("Job-1-r2")).toMatchObject({ TOKEN: "new-s3cret", KEPT: "kept-s3cret", MORE: "more-s3cret" });
  });

  test("needs all values that are kept nowhere any more: they are asked for by name before anything changes", async () => {
    await failed({ env: { TOKEN: "old", OTHER: "old" } });
    life.lose("Job-1");
    for (const given of [{}, { env: { OTHER: "new" } }])
      await expect(retry(given)).rejects.toMatchObject({
        code: "CONFIG",
        hint: expect.stringMatching(/`gasw-k8s retry Job-1 --env TOKEN=VALUE/),
      });
    expect(attempts()).toEqual(["Job-1 ERROR_HELD"]);
    await retry({ env: { TOKEN: "new", OTHER: "new" } });
    expect(values("Job-1-r1")).toMatchObject({ TOKEN: "new", OTHER: "new" });
  });

  test("is never run with an earlier value where its own was lost before its Job was made", async () => {
    await failed({ env: { TOKEN: "old" } });
    life.cluster.refusalOf = (request) => (request.startsWith("POST ") && request.endsWith("/jobs") ? 500 : undefined);
    await expect(retry({ env: { TOKEN: "new" } })).rejects.toThrow();
    life.cluster.refusalOf = () => undefined;
    await life.round();
    expect(attempts()).toEqual(["Job-1 ERROR", "Job-1-r1 NOT_SUBMITTED"]);
    await expect(retry()).rejects.toMatchObject({ hint: expect.stringContaining("`gasw-k8s retry Job-1 --env TOKEN=VALUE`") });
    await retry({ env: { TOKEN: "new" } });
    expect(attempts()).toEqual(["Job-1 ERROR", "Job-1-r1 QUEUED"]);
    expect(values("Job-1-r1")).toMatchObject({ TOKEN: "new" });
  });
});
