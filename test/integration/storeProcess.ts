/** One of many processes that work on the same state file: `node storeProcess.mjs FILE INDEX`; begins when its stdin ends. */
import { active, ended } from "../../src/core/lifecycle/make.ts";
import { Store } from "../../src/store/store.ts";

const JOBS = 5;
const [path = "", index = ""] = process.argv.slice(2);
process.stdout.write("ready\n");
for await (const _ of process.stdin);

const now = () => new Date();
const store = new Store({ path, now, warn: (message) => process.stderr.write(`${message}\n`) });
const workflow = store.workflows.register({ namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" });
const jobs = Array.from({ length: JOBS }, (_, number) => {
  const id = `Job-${index}-${number}`;
  const { job } = store.intents.record(workflow, {
    id,
    kubeName: id.toLowerCase(),
    contentHash: id,
    image: "debian",
    request: {},
    prepared: true,
  });
  store.changes.write(job, { stage: active("QUEUED"), submitted: now().toISOString() });
  return store.jobs.find(workflow, id);
}).filter((job) => job !== undefined);
// All processes submit this one, too.
const { isNew } = store.intents.record(workflow, {
  id: "Same-1",
  kubeName: "same-1",
  contentHash: "same",
  image: "debian",
  request: {},
  prepared: true,
});
store.updates.apply(
  jobs.map((job) => ({ job, change: { stage: ended("COMPLETED"), exitCode: 0 } })),
  now(),
);
const isRenewer = store.workflows.claimRenewal(workflow, 0);
store.close();
process.stdout.write(`${JSON.stringify({ isNew, isRenewer })}\n`);
