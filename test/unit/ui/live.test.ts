import type { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import type { JobRecord } from "../../../src/ui/jobs.ts";
import { liveFrame } from "../../../src/ui/liveFrame.ts";
import { Screen } from "../../../src/ui/screen.ts";
import { ScreenModel } from "../../screenModel.ts";
import { ioDouble } from "../io.ts";
import { record } from "./records.ts";

const PROMPT = "$ gasw-k8s status --watch\r\n";
const NODES = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found.";

function jobs(counts: Readonly<Record<string, number>>): JobRecord[] {
  const list = Object.entries(counts).flatMap(([status, count]) => Array.from({ length: count }, () => status));
  const waits = { reason: "Unschedulable", message: NODES };
  return list.map((status, index) =>
    record({
      id: `Basic_Grep.${index}-360261301594475`,
      status,
      node: status === "RUNNING" ? "worker-17" : null,
      ended: status === "ERROR" ? `2026-01-02T03:01:${10 + index}.000Z` : null,
      ...(status === "QUEUED" ? waits : {}),
    }),
  );
}

/** A watched terminal, on which the shell has printed its prompt. */
async function watched(columns: number, rows: number) {
  const { io } = ioDouble({ tty: true, columns, rows });
  const stdout = io.stdout as unknown as PassThrough & { columns: number; rows: number };
  const model = new ScreenModel(columns, rows);
  await model.write(PROMPT);
  let drawn = Promise.resolve();
  stdout.on("data", (chunk: Buffer) => {
    drawn = model.write(chunk);
  });
  const resize = (width: number, height: number) => {
    model.resize(width, height);
    Object.assign(stdout, { columns: width, rows: height });
    stdout.emit("resize");
  };
  /** Waits until all that was written is seen. */
  const seen = async () => {
    await new Promise(setImmediate);
    await drawn;
  };
  return { io, model, resize, seen };
}

/** The words after the id in each line of the table, one of each run. */
const statuses = (lines: readonly string[]) =>
  lines.flatMap((line) => /^Basic_Grep\S+ +(\S+)/.exec(line)?.[1] ?? []).filter((status, index, all) => status !== all[index - 1]);

describe("the live table of 32 jobs", () => {
  test.each([
    { columns: 80, rows: 24, more: /^… and 5 more: 4 RUNNING, 1 NOT_SUBMITTED$/ },
    { columns: 200, rows: 50, more: undefined },
  ])("at $columns x $rows shows the summary and trouble first; nothing wraps or scrolls, however long it is watched", async (size) => {
    const { io, model, seen } = await watched(size.columns, size.rows);
    const shown = jobs({ COMPLETED: 8, NOT_SUBMITTED: 1, RUNNING: 6, QUEUED: 13, ERROR: 3, ERROR_HELD: 1 });
    const screen = new Screen(io, (room) => liveFrame(io, shown, [], room));
    for (let round = 0; round < 50; round++) screen.draw();
    await seen();
    const summary = model.lines.slice(0, 2).join(" ");
    expect(summary).toContain("12 of 32 jobs have ended: 8 COMPLETED, 1 NOT_SUBMITTED, 6 RUNNING, 13 QUEUED, 3 ERROR, 1 ERROR_HELD");
    expect(statuses(model.lines).slice(0, 3)).toEqual(["ERROR", "ERROR_HELD", "QUEUED"]);
    expect(model.lines.join("\n")).not.toMatch(/^Basic_Grep.* COMPLETED/m);
    expect(model.lines.filter((line) => / ERROR /.test(line)).map((line) => /Grep\.(\d+)/.exec(line)?.[1])).toEqual(["30", "29", "28"]);
    if (size.more === undefined) expect(statuses(model.lines)).toEqual(["ERROR", "ERROR_HELD", "QUEUED", "RUNNING", "NOT_SUBMITTED"]);
    else expect(model.lines.at(-1)).toMatch(size.more);
    expect({ wraps: model.wraps, scrolledOut: model.scrolledOut }).toEqual({ wraps: false, scrolledOut: 0 });
    screen.close();
    await seen();
    expect(model.lines).toEqual([PROMPT.trim()]);
    expect(model.isOrdinary).toBe(true);
  });

  test("follows the terminal's size, at any moment and to any size", async () => {
    const { io, model, resize, seen } = await watched(200, 50);
    const shown = jobs({ RUNNING: 20, QUEUED: 12 });
    const screen = new Screen(io, (room) => liveFrame(io, shown, [], room));
    screen.draw();
    await seen();
    expect(model.lines).toHaveLength(35);
    for (const [columns, rows, lines] of [
      [80, 24, 24],
      [20, 5, 4],
      [40, 2, 2],
      [300, 60, 35],
    ] as const) {
      resize(columns, rows);
      await seen();
      expect(model.lines).toHaveLength(lines);
      expect({ wraps: model.wraps, scrolledOut: model.scrolledOut }).toEqual({ wraps: false, scrolledOut: 0 });
    }
    screen.close();
    resize(80, 24);
    await seen();
    expect(model.lines.join("")).toBe(PROMPT.trim());
  });

  test("of 10,000 jobs fits as well, and of those that are all done only the summary is left", async () => {
    const { io, model, seen } = await watched(80, 24);
    let shown = jobs({ COMPLETED: 9000, RUNNING: 900, ERROR: 100 });
    const screen = new Screen(io, (room) => liveFrame(io, shown, ["the cluster cannot be reached: retrying for 5 minutes"], room));
    screen.draw();
    await seen();
    expect(model.lines).toHaveLength(24);
    expect(model.lines[1]).toBe("the cluster cannot be reached: retrying for 5 minutes");
    expect(model.lines.at(-1)).toMatch(/^… and 981 more: 81 ERROR, 900 RUNNING$/);
    shown = jobs({ COMPLETED: 3 });
    screen.draw();
    await seen();
    expect(model.lines[0]).toBe("3 of 3 jobs have ended: 3 COMPLETED");
    expect(model.lines).toHaveLength(2);
    screen.close();
  });
});
