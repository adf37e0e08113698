// Writes docs/ends.md: how an end is judged, from the table that the tests hold the code to.
// With --check: exits 1 when the committed page is stale.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const page = path.join(root, "docs/ends.md");
const table = readFileSync(path.join(root, "test/unit/core/ends.table.md"), "utf8");
const sections = table.slice(table.indexOf("\n## ") + 1);

const text = `# How a job's end is judged

<!-- Written by scripts/generate-ends-docs.mjs; the tables are those of test/unit/core/ends.table.md. -->

Kubernetes, the pod's node, the job's wrapper and the job's own output each tell something of how a job ended, and may not agree. They are read together, and come to the
same answer whether they are looked at early or late.

| evidence | what it is |
| --- | --- |
| Job | \`open\`, \`complete\`, \`failed\`, \`out of time\` (its time limit), \`suspended\` (by a queue), \`gone\` (removed, by its time to live or somebody) |
| Pod | its phase; \`deleted\` while it ran, \`disrupted\` (evicted through the API, preempted, a taint), or the kubelet's own reason |
| Container | the exit code that the node measured, with its reason; \`unknown\`: the node lost sight of it; \`nothing\`: the pod does not say |
| Record | what the wrapper wrote in \`.gasw-k8s/end/\`: the exit code, and the signal that came before it, if one did; \`-\`: none |
| Output | the code that the output states, \`nothing\`, or \`late\`: it has not arrived, or not as a whole |

- A code that was measured counts more than the record, the record more than other signs. A code that nobody measured is none.
- A 0 is not a success when the job was made to stop: only where the record or the output says that it had done its work.
- What ended by itself before its pod was stopped has ended as it did.

What follows, for a job that was seen to run and has retries left: \`told\`: the engine gets its result; \`retried\`; \`held\`: a person is to say (\`gasw-k8s release\`); \`waits\`:
nothing is decided yet.

${sections.trim()}

## An output that is late

Over NFS a file, or its last lines, may be seen a minute after its pod has ended. The output is whole when it has as many bytes as its record says, or, without a record, when it is there.
Until then, and for no longer than \`outputGrace\` (90 s), the job stays RUNNING with the reason OutputLate, and its message says how its pod ended. Then it is settled as it is, with the reason
OutputIncomplete (unless another one tells more) and what is missing in its message. An output that comes later still corrects the status, the exit code and the row in the GASW
database, with a warning; nobody is told a result twice, and nothing is run again for it. A KILL or a RESCHEDULE ends the wait: a job whose pod has succeeded has completed, and is neither given up nor
run again.

What stands in \`out/\` and \`err/\` under a script's name when it is first submitted is an earlier run's: it is moved to \`….old-1\`, with a warning. No machine's clock is compared with another's for that.

## A job of which nothing is known

A job that ran, and whose end nothing tells of (no pod, no record, no code in its output, no event), may have done its work: a second run could undo it. It is held as STALLED_HELD.
\`gasw-k8s release JOB\` runs it again; \`retryUnknownEnd: true\` has that done without asking.
`;

if (process.argv.includes("--check")) {
  process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
} else {
  writeFileSync(page, text);
}
