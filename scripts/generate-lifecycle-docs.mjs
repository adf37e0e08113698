// Writes docs/lifecycle.md: the state machine is drawn from what the life cycle's own function decides, case by case.
// With --check: exits 1 when the committed page is stale.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = path.resolve(import.meta.dirname, "..");
const page = path.join(root, "docs/lifecycle.md");

/** The modules of the core that decide a status. */
const DOCUMENTED = ["job", ...["step", "signal", "shown", "marks", "giveUp", "lateOutput", "adopt"].map((name) => `lifecycle/${name}`)];

/** The pure core, as the program has it. */
async function loadCore() {
  const scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-docs-"));
  try {
    const file = path.join(scratch, "core.mjs");
    await build({
      input: "core",
      platform: "node",
      moduleTypes: { ".sh": "text" },
      plugins: [
        {
          name: "core",
          resolveId: (source) => (source === "core" ? path.join(root, "src/core/documented.ts") : undefined),
          load: (id) =>
            id === path.join(root, "src/core/documented.ts")
              ? DOCUMENTED.map((file) => `export * from "./${file}.ts";`).join("\n")
              : undefined,
        },
      ],
      output: { file, format: "esm" },
    });
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const core = await loadCore();
const { step, cleanUp, hasEnded, isHeld, shownStatus, SIGNALS, LOCAL_STATUSES: STATUSES } = core;
const { abandoned, cleanedUp, killedElsewhere, withLateOutput, adoptionOf, adoptedAttempt, SET_ASIDE, ACCEPTED, UNSUBMITTABLE } = core;

const ended = (exitCode, byCluster = false) => ({ phase: "ended", ending: { exitCode, reason: "Seen", message: "", byCluster } });
const TAKEN_BACK = "its queue takes it back";
const OBSERVATIONS = [
  ["the Job is made", { phase: "waiting", reason: "NoPod", message: "" }],
  ["waits too long", { phase: "waiting", reason: "TooLong", message: "" }],
  [TAKEN_BACK, { phase: "waiting", reason: "Suspended", message: "" }],
  ["its container runs", { phase: "running" }],
  ["it ends, and its output is waited for", ended(0), { late: "has not arrived" }],
  ["succeeds", ended(0)],
  ["fails", ended(3)],
  ["says that it was cancelled (9)", ended(9)],
  ["evicted, node lost, or gone without a trace", ended(137, true)],
];
const NOTHING = { phase: "missing" };
const RULES = { retryCount: 5, retryUnknownEnd: false, pending: { TooLong: 0 }, outputGrace: 90 };
const ALONE = { failures: 0, completed: false, alive: false, open: false, newer: false };
/** Another attempt goes on, so that nothing follows from an end. */
const MANY = { ...ALONE, open: true };

/** What one step makes of a job. */
function after(status, more) {
  const settled = hasEnded(status);
  const job = { status, settled, due: false, removal: null, signal: null, pendingFamily: null, pendingSince: null, ...more.job };
  const situation = { job, dao: undefined, seen: NOTHING, siblings: ALONE, rules: RULES, now: new Date(0) };
  return step({ ...situation, ...more, job });
}

/** Every change of status with what brings it about. */
function transitions() {
  const causes = new Map();
  const note = (from, to, cause) => {
    if (from === to) return;
    const key = `${from} ${to}`;
    causes.set(key, (causes.get(key) ?? new Set()).add(cause));
  };
  for (const from of STATUSES) {
    for (const [cause, to] of [...looks(from), ...signals(from), ...ends(from), ...outside(from)]) note(from, to, cause);
  }
  return causes;
}

/** What the cluster shows; what follows from that is a step of its own in the drawing. */
function looks(from) {
  if (hasEnded(from)) return [];
  // Nothing that was not submitted can be taken back.
  const shown = OBSERVATIONS.filter(([cause]) => from !== "NOT_SUBMITTED" || cause !== TAKEN_BACK);
  return shown.map(([cause, seen, own]) => [cause, after(from, { seen, own, siblings: MANY }).decision.status]);
}

/** What signals come to, also for an end that was not seen to yet, and what was decided before. */
function signals(from) {
  const found = SIGNALS.flatMap((signal) =>
    [true, false].map((isSettled) => {
      const settled = isHeld(from) || (isSettled && hasEnded(from));
      return [signal, after(from, { job: { settled }, dao: signal, seen: shownBy(from), siblings: MANY }).decision.status];
    }),
  );
  if (!hasEnded(from)) {
    const replica = after(from, { seen: shownBy(from), siblings: { ...ALONE, completed: true } }).decision.status;
    return [...found, ["another attempt has completed", replica]];
  }
  if (!["ERROR", "STALLED", "CANCELLED"].includes(from)) return found;
  const before = Object.entries({ KILL: "DELETED", KILL_REPLICA: "DELETED_REPLICA" }).map(([signal, removal]) => [
    `${signal} before`,
    after(from, { job: { settled: false, removal }, siblings: MANY }).decision.status,
  ]);
  return [...found, ...before];
}

/** What follows from a failure. */
function ends(from) {
  if (from !== "ERROR" && from !== "STALLED") return [];
  const held = after(from, { job: { settled: false }, siblings: { ...ALONE, failures: 5 } }).decision.status;
  if (from === "ERROR") return [["no retries left", held]];
  // That is judged, and held, in one step.
  const unknown = after("RUNNING", { job: { started: "2026-01-02T03:04:05Z" }, seen: NOTHING }).decision.status;
  return [
    ["no retries left", held],
    ["it ran, and nothing tells how it ended", unknown],
  ];
}

/** What is decided outside a round. */
function outside(from) {
  const job = { status: from, settled: hasEnded(from), due: false, removal: null, signal: null, attempt: 0, exitCode: null };
  const open = { ...job, settled: isHeld(from) };
  const isWrittenDown = from === "NOT_SUBMITTED";
  const changes = [
    ["the Job is made", isWrittenDown ? ACCEPTED : undefined],
    ["it can't be submitted, or its script has changed", isWrittenDown ? UNSUBMITTABLE : undefined],
    ["cleanup --cancel", once(cleanUp(job))],
    ["cleanup", cleanedUp({ ...open, delivered: true })],
    ["cleanup, where nobody else knows it", isWrittenDown ? cleanedUp({ ...open, delivered: false }) : undefined],
    ["cleanup --forget", abandoned(job, "", new Date(0))],
    ["KILL from another state file", once(killedElsewhere(open, { reason: "Killed", message: "" }))],
    ...[0, 3, 9].map((code) => [`its late output says ${code}`, withLateOutput(job, code).change]),
    ...STATUSES.flatMap((status) => [true, false].map((hasBegun) => ["run by another state file", adopted(job, status, hasBegun)])),
  ];
  return changes.map(([cause, change]) => [cause, change === "forget" ? "[*]" : (change?.status ?? from)]);
}

/** What is noted before a Job is removed is the end of a job once that is gone. */
function once(change) {
  return change?.removal === "DELETED" ? { status: change.removal } : change;
}

function adopted(job, status, hasBegun) {
  const row = { id: "Job-1", fileName: "Job-1", status, exitCode: -1, queued: null, running: null, creation: null };
  const known = { ...job, reason: job.status === "NOT_SUBMITTED" ? SET_ASIDE : null };
  return adoptionOf(known, adoptedAttempt(row, hasBegun), { isNewest: true, isTold: true, isKilled: false });
}

/** What the cluster shows of a job in a status, while nothing changes. */
function shownBy(status) {
  if (hasEnded(status) || status === "NOT_SUBMITTED") return NOTHING;
  return status === "QUEUED" ? OBSERVATIONS[0][1] : { phase: "running" };
}

/** What a signal comes to for a job in each status: `-` where it is refused. */
function signalRow(status) {
  return SIGNALS.map((signal) => {
    const { decision, effects, refusal } = after(status, { dao: signal, seen: shownBy(status) });
    if (refusal !== undefined) return "-";
    const more = effects.some(({ kind }) => kind === "addAttempt") ? " + one more attempt" : "";
    return `${decision.status === status ? "as it is" : decision.status}${more}`;
  });
}

const drawn = [...transitions()].map(([key, causes]) => {
  const [from, to] = key.split(" ");
  return `    ${from} --> ${to}: ${[...causes].join(" / ")}`;
});

const text = `# The life of a job

<!-- Written by scripts/generate-lifecycle-docs.mjs from the life cycle's own function; edit that. -->

A job has two statuses. The **local** one is what \`gasw-k8s\` knows; it steers, and stands in the state. The one that the **user** sees stands in the GASW database, and follows at
every synchronisation (\`status --sync\`, \`monitor\`). A plain \`status\` asks the cluster, and changes the local one alone.

\`\`\`mermaid
stateDiagram-v2
    [*] --> NOT_SUBMITTED: submit
${drawn.join("\n")}
\`\`\`

| local | what the user sees | over |
| --- | --- | --- |
${STATUSES.map((status) => `| ${status} | ${shownStatus(status)} | ${isHeld(status) ? "waits to be released" : hasEnded(status) ? "yes" : "no"} |`).join("\n")}

RUNNING is claimed when the job's container runs, not before: a pod that waits for a node or pulls its image is QUEUED. A reason of waiting that has a grace period
(\`pending\`) ends the job as ERROR when its time is over; a full cluster or a full quota never does. Reasons that alternate while one thing is waited for
(Unschedulable, SchedulingGated, SchedulerError, Scheduling; ContainerCreating and the failures of volumes and the pod's network; the failures of a pull) are one wait, whose
time is counted together. A pod that will never be made as it is (FailedCreate: a policy, a LimitRange, Pod Security, a quota that wants an amount stated) is told of from the
first look. A job that its queue has taken back is QUEUED, with the time since when. A job whose node falls silent stays RUNNING, with the reason
NodeUnreachable, however long that lasts: it may still run there, and is never run twice at once. It is STALLED once its pod is gone.

## Pods that do not go

A container that others put into a job's pod (a mesh's proxy) keeps the pod, and with it room and quota, after the script's end. Once the job's own container has ended, that
end is final: it is written down, with what was seen of the pod, and the Job is removed by whoever looks (\`status\`, \`status --sync\`, \`monitor\`, \`wait\`); \`debug why\` and \`debug describe\`
still tell of it. Of a failure whose Job alone holds what \`--env\` gave it, only the pod is removed. Sidecars that are init containers, the configured ones among them, are ended by
the kubelet. A container that a kubelet starts again counts by its first end.

A node that has died leaves its pods Terminating, and their scripts may run on it still: nothing is run beside them. The job's message, the one of an attempt that waits for it
(NOT_SUBMITTED, reason EarlierRun), \`debug why\`, and a clean-up that ends with 124 name pod and node, and the way out for whoever knows that the node is off. While the Job itself is
there, that is the taint \`node.kubernetes.io/out-of-service=nodeshutdown:NoExecute\` or the node's deletion: \`kubectl delete pod --force\` alone leaves the pod to its Job's finalizer.

A script that is stopped has \`terminationGracePeriodSeconds\` to clean up. One that was killed in the midst of that is said to have been, with the time that it had.

## Retries and holds

Synchronisation resubmits a failed job (ERROR, STALLED) until \`retryCount\` resubmissions have failed; the next failure is held. A STALLED job was lost by the
cluster: it was evicted or deleted, or its node is gone. A job that started and ended in an unknown way is held immediately ([ends.md](ends.md)). A job that was killed, or that reported that it was cancelled (exit code 9), is not retried. After a
release, earlier failures still count: the next failure is held immediately.

Two attempts of one script never run at once. A resubmission waits until no pod of another attempt is left.

A job always runs the script that was submitted. If the script file has changed since, a resubmission other than by \`retry\` (after a failure, by a signal, by \`release\`) does not run it: the attempt
is ERROR_HELD with the reason ScriptChanged. \`gasw-k8s retry JOB\` runs the new version, shows how it differs, and records it as submitted; after restoring the old
script, \`gasw-k8s release JOB\` continues. This check does not apply to jobs submitted by version 0.1.0, which did not record the script.

## Signals

Other programs, such as the portal, write signals into a job's row; \`cancel\` (KILL), \`retry\` (REPLICATE) and \`release\` (UNHOLD) do the same from the command line. Each
is followed once. What the cluster shows is looked at first: an end that has come already wins over a KILL that comes with it, also where the job's output is
still waited for. A signal that can't be followed (\`-\`) is noted in the job's history, and its row gets the job's status back.

A signal is written down together with all that it comes to, the new attempt too, before anything is removed from the cluster: nothing is lost, and nothing done twice, where a
removal fails or the program dies half way. A job ends once its Job is on its way out; until then it may complete after all, and nobody is told that it was killed.

| local | ${SIGNALS.join(" | ")} |
| --- | ${SIGNALS.map(() => "---").join(" | ")} |
${STATUSES.map((status) => `| ${status} | ${signalRow(status).join(" | ")} |`).join("\n")}

- KILL gives up a job that is active, held, or about to be retried.
- REPLICATE has one more attempt made, which waits for its turn; when the first one completes meanwhile, it ends as DELETED_REPLICA without having run.
- RESCHEDULE has the same attempt run again, when its Job is gone.
- A job of which a newer attempt was made, or whose invocation has completed, is not replicated, rescheduled or released.

## Results

An invocation is over when one of its attempts has COMPLETED, or when the last one was DELETED or CANCELLED: that is told once, with exit code 9, or the one
that the output of what COMPLETED states: 0, or -1 where it states none. What is retried or held is not over.
`;

if (process.argv.includes("--check")) {
  process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
} else {
  writeFileSync(page, text);
}
