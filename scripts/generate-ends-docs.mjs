// Writes docs/ends.md: how an end is judged, from the table that the tests hold the code to.
// With --check: exits 1 when the committed page is stale.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const page = path.join(root, "docs/ends.md");
const table = readFileSync(path.join(root, "test/unit/core/ends.table.md"), "utf8");
const sections = table.slice(table.indexOf("\n## ") + 1);

const text = `# How the outcome of a job is determined

<!-- Written by scripts/generate-ends-docs.mjs; the tables are those of test/unit/core/ends.table.md. -->

Kubernetes, the pod's node, the job's wrapper and the job's own output each contain evidence of how a job ended, and they may disagree. \`gasw-k8s\` evaluates them together. The result
does not depend on whether it does so early or late.

| evidence | what it is |
| --- | --- |
| Job | \`open\`, \`complete\`, \`failed\`, \`out of time\` (its time limit), \`suspended\` (by a queue), \`gone\` (removed after its time to live, or by somebody) |
| Pod | its phase; \`deleted\` while it ran, \`disrupted\` (evicted through the API, preempted, a taint), or the kubelet's own reason |
| Container | the exit code that the node reports, with its reason; \`unknown\`: the node lost track of it; \`nothing\`: the pod does not say |
| Record | what the wrapper wrote to \`.gasw-k8s/end/\`: the exit code, and the signal before it, if there was one; \`-\`: no record |
| Output | the exit code in the output, \`nothing\`, or \`late\`: the output has not arrived, or is not complete |

- An exit code that the node reports takes precedence over the record, and the record over other evidence. An exit code that nothing measured does not count.
- If the job was stopped, exit code 0 means success only if the record or the output shows that the job had finished its work.
- If a job ended on its own before its pod was stopped, that end counts.

The column *Then* shows what follows for a job that ran and has retries left. \`told\`: the engine gets the result. \`retried\`: the job is submitted again. \`held\`: somebody has to decide
(\`gasw-k8s release\`). \`waits\`: nothing is decided yet.

${sections.trim()}

## Late output

Over NFS, a file or its last lines may become visible as late as a minute after the pod has ended. The output is complete when it has as many bytes as its record says, or, if there is
no record, when it exists. Until then, for \`outputGrace\` (90 s) at most, the job stays RUNNING with the reason OutputLate, and its message says how its pod ended. After that, the
outcome is determined from the output that is there. The reason is OutputIncomplete, unless another reason is more specific, and the message says what is missing. Output that arrives
later still corrects the status, the exit code and the row in the GASW database, with a warning, but no result is reported twice and nothing runs again because of it. KILL and
RESCHEDULE end the wait: if the job's pod has succeeded, the job is COMPLETED; it is neither given up nor run again.

If \`out/\` and \`err/\` already contain files for a script when it is first submitted, they come from an earlier run: they are moved to \`….old-1\`, with a warning. This does not
compare the clocks of different machines.

## A job whose end is unknown

A job that ran and left no evidence of how it ended (no pod, no record, no exit code in its output, no event) may have done its work, and a second run could undo that. It is held as
STALLED_HELD. \`gasw-k8s release JOB\` runs it again. With \`retryUnknownEnd: true\`, it is run again without asking.
`;

if (process.argv.includes("--check")) {
  process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
} else {
  writeFileSync(page, text);
}
