import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { progress } from "../../../src/ui/progress.ts";
import { removalProgress } from "../../../src/ui/removalProgress.ts";
import { ioDouble } from "../io.ts";

const LONG = 60_000;

describe("off a terminal, a wait", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("is told in one line once it takes long, and again when its reason changes, not whenever its text does", async () => {
    const { io, stderr } = ioDouble();
    const line = await progress(io, { text: "waiting for 3 of 3 jobs", reason: "QUEUED" });
    line.update({ text: "waiting for 2 of 3 jobs", reason: "RUNNING" });
    expect(stderr()).toBe("");
    vi.advanceTimersByTime(LONG);
    expect(stderr()).toBe("waiting for 2 of 3 jobs\n");
    line.update({ text: "waiting for 1 of 3 jobs", reason: "RUNNING" });
    vi.advanceTimersByTime(LONG);
    line.update({ text: "waiting for 1 of 3 jobs: ERROR_HELD", reason: "ERROR_HELD" });
    line.stop();
    vi.advanceTimersByTime(LONG);
    expect(stderr()).toBe("waiting for 2 of 3 jobs\nwaiting for 1 of 3 jobs: ERROR_HELD\n");
  });

  test("that is soon over is not told", async () => {
    const { io, stderr } = ioDouble();
    const line = await progress(io, { text: "waiting for 1 of 1 job" });
    line.update({ text: "waiting for 1 of 1 job: RUNNING" });
    line.stop();
    vi.advanceTimersByTime(LONG);
    expect(stderr()).toBe("");
  });

  test.each([{ quiet: true }, { output: "json" as const }, { output: "ndjson" as const }])(
    "is not told to %j: stderr is for errors",
    async (audience) => {
      const { io, stderr } = ioDouble();
      await progress(io, { text: "waiting for 1 of 1 job" }, audience);
      vi.advanceTimersByTime(LONG);
      expect(stderr()).toBe("");
    },
  );

  test("for a removal is told anew with each kind of object", async () => {
    const { io, stderr } = ioDouble();
    const objects = [...["Job", "Job", "PersistentVolumeClaim"].entries()].map(([index, kind]) => ({ kind, path: `/${index}` }));
    const { onStep } = await removalProgress(io, objects, {});
    vi.advanceTimersByTime(LONG);
    for (const object of objects) onStep(object);
    expect(stderr()).toBe(
      "waiting for the deletion of 2 Jobs, 1 PersistentVolumeClaim\nwaiting for the deletion of 1 PersistentVolumeClaim\n",
    );
  });
});

test("on a terminal a wait is a spinner, but on a dumb one a line", async () => {
  vi.useFakeTimers();
  const dumb = ioDouble({ tty: true, env: { TERM: "dumb" } });
  await progress(dumb.io, { text: "waiting for 1 of 1 job" });
  vi.advanceTimersByTime(LONG);
  vi.useRealTimers();
  expect(dumb.stderr()).toBe("waiting for 1 of 1 job\n");
});
