/**
 * A process beside the test: `node --expose-gc holdProcess.mjs FILE monitor` holds the workflow as a monitor does until it is killed, and
 * keeps no reference to its hold, which the garbage collector has looked for;
 * `node holdProcess.mjs FILE look` looks whether one holds it, again and again until its stdin ends, and then once more.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

/** Looks after which it is said that this process is at it. */
const LOOKS = 200;
const [path = "", role = ""] = process.argv.slice(2);
const store = new Store({ path, now: () => new Date(), warn: (message) => process.stderr.write(`${message}\n`) });
const workflow = store.workflows.find("vip", "workflow-1") as StoredWorkflow;

if (role === "monitor") {
  const isHeld = store.holds.take(workflow, { words: `monitor, process ${process.pid}`, isMonitor: true }) !== undefined;
  await turn();
  globalThis.gc?.();
  // What was collected is closed in a turn of its own.
  await turn();
  if (isHeld) process.stdout.write("held\n");
  setInterval(() => undefined, 1000);
} else {
  let isOver = false;
  process.stdin.resume().on("end", () => {
    isOver = true;
  });
  const seen = new Set<boolean>();
  for (let looks = 1; !isOver || looks <= LOOKS; looks++) {
    seen.add(store.holds.isMonitored(workflow));
    if (looks === LOOKS) process.stdout.write("looking\n");
    await turn();
  }
  process.stdout.write(`${JSON.stringify({ seen: [...seen], last: store.holds.isMonitored(workflow) })}\n`);
}
