import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explain } from "../../src/core/why/why.ts";
import { act } from "../../src/services/sync/actions.ts";
import { Invocations } from "./invocations.ts";

let life: Invocations;
let warnings: string[];
beforeEach(async () => {
  life = await Invocations.begin({ retryCount: 1 });
  warnings = [];
  life.onWarning = (warning) => {
    // That is told of any job that is held.
    if (!warning.includes("is held after the last retry")) warnings.push(warning);
  };
});
afterEach(() => life.end());

const NEW = "false # new\n";
const change = () => life.write("sh/Job-1.sh", NEW);
const retry = (id: string) => act(life.deps, life.workflow, [life.job(id)], "retry");
const release = (id: string) => act(life.deps, life.workflow, [life.job(id)], "release");

/** An attempt whose last word is a failure that holds it. */
async function held(id: string): Promise<void> {
  life.write("out/Job-1.sh.out", "");
  life.show(id, 3);
  await life.round();
}

/** Attempt and status of all that was made of the script. */
const attempts = () => life.store.jobs.attempts(life.workflow, "Job-1").map(({ id, status, reason }) => `${id} ${status} ${reason}`);

describe("a script with Windows line endings", () => {
  const said = () => expect.stringMatching(/^script \S+Job-1\.sh has Windows line endings \(CRLF\).*sed -i 's\/\\r\$\/\/' \S+Job-1\.sh$/);

  test("is told of when a person has it run again, not when that happens by itself", async () => {
    life.submitted("Job-1", "#!/bin/bash\r\nfalse\r\n");
    await held("Job-1");
    await held("Job-1-r1");
    expect(warnings).toEqual([]);
    await retry("Job-1-r1");
    expect(warnings).toEqual([said()]);
  });
});

describe("a script that has changed since its submission is not run again by itself", () => {
  beforeEach(() => void life.submitted("Job-1"));

  test("after a failure: the attempt is held, and says what has changed and how to run it", async () => {
    change();
    await held("Job-1");
    expect(attempts()).toEqual(["Job-1 ERROR Error", "Job-1-r1 ERROR_HELD ScriptChanged"]);
    const { message } = life.job("Job-1-r1");
    expect(message).toMatch(/^the script has changed since it was submitted: `gasw-k8s retry Job-1` runs the new version \(/);
    expect(message).toContain(`${path.join(life.directory, "sh/Job-1.sh")}: it had 5 bytes, written 20`);
    expect(message).toContain(`and has ${NEW.length} bytes, written 20`);
    expect(warnings).toEqual([
      `job Job-1-r1 could not be submitted again: ${message}; or restore the script and run \`gasw-k8s release Job-1\``,
    ]);
    expect(life.isMade("Job-1-r1")).toBe(false);
  });

  test.each(["REPLICATE", "RESCHEDULE"])("after a %s in the GASW database", async (signal) => {
    await held("Job-1");
    await held("Job-1-r1");
    life.lose("Job-1-r1");
    change();
    await life.round({ "Job-1-r1": signal });
    expect(attempts().at(-1)).toMatch(/ERROR_HELD ScriptChanged$/);
  });

  test.each(["UNHOLD_ERROR", "UNHOLD_STALLED"])("after an %s in the GASW database, and after another one", async (signal) => {
    await held("Job-1");
    await held("Job-1-r1");
    change();
    await life.round({ "Job-1-r1": signal });
    await life.round({ "Job-1-r2": signal });
    expect(attempts().slice(-2)).toEqual(["Job-1-r2 ERROR ScriptChanged", "Job-1-r3 ERROR_HELD ScriptChanged"]);
  });

  test("after a release, which a person types without saying what is to run", async () => {
    await held("Job-1");
    await held("Job-1-r1");
    change();
    await release("Job-1-r1");
    expect(attempts().at(-1)).toBe("Job-1-r2 ERROR_HELD ScriptChanged");
  });

  test("where it has waited for its turn when the script changed", async () => {
    life.show("Job-1", "running");
    await life.round({ "Job-1": "REPLICATE" });
    change();
    life.write("out/Job-1.sh.out", "");
    life.show("Job-1", 3);
    await life.round();
    expect(attempts()).toEqual(["Job-1 ERROR Error", "Job-1-r1 ERROR_HELD ScriptChanged"]);
  });
});

describe("a script that has changed", () => {
  beforeEach(async () => {
    life.submitted("Job-1");
    change();
    await held("Job-1");
    warnings = [];
  });

  test("is run by a retry that a person types, who is told the difference; failures run that one again", async () => {
    await retry("Job-1-r1");
    expect(warnings).toEqual(["job Job-1-r1: sh/Job-1.sh changed"]);
    expect(attempts().at(-1)).toBe("Job-1-r2 QUEUED null");
    // Two failures and a hold are more than the retries; a release is what runs it on.
    await held("Job-1-r2");
    await release("Job-1-r2");
    expect(attempts().at(-1)).toBe("Job-1-r3 QUEUED null");
  });

  test("is not run where it changes once more after the retry was typed", async () => {
    await retry("Job-1-r1");
    await held("Job-1-r2");
    life.write("sh/Job-1.sh", "true # newer still\n");
    await release("Job-1-r2");
    expect(attempts().at(-1)).toBe("Job-1-r3 ERROR_HELD ScriptChanged");
  });

  test("and was put back as it was is run by a release", async () => {
    life.write("sh/Job-1.sh", "true\n");
    await release("Job-1-r1");
    expect(attempts().at(-1)).toBe("Job-1-r2 QUEUED null");
    expect(warnings).toEqual([]);
  });

  test("is not adopted by the retry of an attempt that a newer one follows", async () => {
    await retry("Job-1");
    expect(attempts().at(-1)).toBe("Job-1-r1 ERROR_HELD ScriptChanged");
    expect(warnings).toEqual([expect.stringContaining("a newer attempt already exists")]);
  });

  test("and is gone is told as gone, whoever asks for it", async () => {
    life.hide("sh/Job-1.sh");
    await retry("Job-1-r1");
    expect(attempts().at(-1)).toBe("Job-1-r2 ERROR_HELD NotSubmittable");
  });

  test("is the reason that `debug why` tells, with the way out", () => {
    const { id, namespace, directory, status, reason, message } = life.job("Job-1-r1");
    const state = { status, reason: reason ?? undefined, message: message ?? undefined };
    const facts = { job: { id, fileName: "Job-1", namespace, directory }, isSilent: false, state, seen: { phase: "missing" } as const };
    const answer = explain({ ...facts, claims: [], events: [], lastWords: [], now: new Date() });
    expect(answer).toMatchObject({
      cause: "script-changed",
      remedy: expect.stringMatching(/^`gasw-k8s retry Job-1` runs the new version/),
    });
    expect(answer.sentence).not.toContain("failures");
  });
});

test("a script that was only written anew, with the same content, is run again", async () => {
  life.submitted("Job-1");
  life.hide("sh/Job-1.sh");
  life.write("sh/Job-1.sh", "true\n");
  await held("Job-1");
  expect(attempts().at(-1)).toBe("Job-1-r1 QUEUED null");
});

test("what an older version has submitted is run again as before, since nothing tells whether its script has changed", async () => {
  life.submitted("Job-1");
  const state = new Database(life.store.path);
  state.exec("UPDATE jobs SET script = NULL");
  state.close();
  change();
  await held("Job-1");
  expect(attempts().at(-1)).toBe("Job-1-r1 QUEUED null");
  await held("Job-1-r1");
  // From a retry on, the script is known.
  await retry("Job-1-r1");
  expect(warnings).toEqual([]);
  life.write("sh/Job-1.sh", "true # newer still\n");
  await held("Job-1-r2");
  await release("Job-1-r2");
  expect(attempts().at(-1)).toBe("Job-1-r3 ERROR_HELD ScriptChanged");
});
