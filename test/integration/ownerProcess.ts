/** What a user can do with a state file and a GASW database: `node ownerProcess.mjs STATE DATABASE`; prints `fine`, or message and hint. */
import { openDao } from "../../src/dao/open.ts";
import { GaswError } from "../../src/errors.ts";
import type { StoredWorkflow } from "../../src/store/records.ts";
import { Store } from "../../src/store/store.ts";

const [state = "", database = ""] = process.argv.slice(2);
try {
  const store = new Store({ path: state, now: () => new Date(), warn: (message) => process.stderr.write(`${message}\n`) });
  const workflow: StoredWorkflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
  if (store.holds.isMonitored(workflow)) throw new Error("a monitor holds it");
  const hold = store.holds.take(workflow, { words: "a test", isMonitor: true });
  if (hold === undefined) throw new Error("it is held");
  hold.release();
  store.close();
  const limits = { timeout: 2000, env: process.env, signal: new AbortController().signal };
  const dao = await openDao({ ...limits, simulationId: "workflow-1", url: `sqlite:${database}`, timeZone: "UTC" } as Parameters<
    typeof openDao
  >[0]);
  await dao.rowsInStatus(["KILL"]);
  await dao.close();
  process.stdout.write("fine\n");
} catch (error) {
  if (!(error instanceof GaswError)) throw error;
  process.stdout.write(`${error.message}\n${error.hint}\n`);
}
