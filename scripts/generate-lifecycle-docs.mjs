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
const DOCUMENTED = [
  "job",
  ...["step", "signal", "shown", "make", "marks", "giveUp", "lateOutput", "adopt"].map((name) => `lifecycle/${name}`),
];

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
const { active, ended: endedStage, held, over, WRITTEN } = core;
const { abandoned, cleanedUp, killedElsewhere, withLateOutput, adoptionOf, adoptedAttempt, SET_ASIDE, ACCEPTED, UNSUBMITTABLE } = core;

const ended = (exitCode, byCluster = false) => ({ phase: "ended", ending: { exitCode, reason: "Seen", message: "", byCluster } });
const TAKEN_BACK = "its queue takes it back";
const OBSERVATIONS = [
  ["the Job is created", { phase: "waiting", reason: "NoPod", message: "" }],
  ["waits too long", { phase: "waiting", reason: "TooLong", message: "" }],
  [TAKEN_BACK, { phase: "waiting", reason: "Suspended", message: "" }],
  ["its container runs", { phase: "running" }],
  ["it ends, and its output has not arrived", ended(0), { late: "has not arrived" }],
  ["succeeds", ended(0)],
  ["fails", ended(3)],
  ["reports that it was cancelled (9)", ended(9)],
  ["evicted, node lost, or disappeared", ended(137, true)],
];
const NOTHING = { phase: "missing" };
const RULES = { retryCount: 5, retryUnknownEnd: false, onHeld: "hold", pending: { TooLong: 0 }, outputGrace: 90 };
const ALONE = { failures: 0, completed: false, alive: false, open: false, newer: false };
/** Another attempt goes on, so that nothing follows from an end. */
const MANY = { ...ALONE, open: true };

/** The stage of a job in a status. */
function stageOf(status, isSettled = hasEnded(status)) {
  if (status === "NOT_SUBMITTED") return WRITTEN;
  if (!hasEnded(status)) return active(status);
  if (isHeld(status)) return held(status);
  return isSettled ? over(status) : endedStage(status);
}

/** What one step makes of a job. */
function after(status, more) {
  const job = { stage: stageOf(status), signal: null, pendingFamily: null, pendingSince: null, ...more.job };
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
  return shown.map(([cause, seen, own]) => [cause, after(from, { seen, own, siblings: MANY }).stage.status]);
}

/** What signals come to, also for an end that was not seen to yet, and what was decided before. */
function signals(from) {
  const found = SIGNALS.flatMap((signal) =>
    [true, false].map((isSettled) => {
      const job = { stage: stageOf(from, isSettled) };
      return [signal, after(from, { job, dao: signal, seen: shownBy(from), siblings: MANY }).stage.status];
    }),
  );
  if (!hasEnded(from)) {
    const replica = after(from, { seen: shownBy(from), siblings: { ...ALONE, completed: true } }).stage.status;
    return [...found, ["another attempt has completed", replica]];
  }
  if (!["ERROR", "STALLED", "CANCELLED"].includes(from)) return found;
  const before = Object.entries({ KILL: "DELETED", KILL_REPLICA: "DELETED_REPLICA" }).map(([signal, noted]) => [
    `earlier ${signal}`,
    after(from, { job: { stage: endedStage(from, undefined, noted) }, siblings: MANY }).stage.status,
  ]);
  return [...found, ...before];
}

/** What follows from a failure. */
function ends(from) {
  if (from !== "ERROR" && from !== "STALLED") return [];
  const held = after(from, { job: { stage: stageOf(from, false) }, siblings: { ...ALONE, failures: 5 } }).stage.status;
  if (from === "ERROR") return [["no retries left", held]];
  // That is judged, and held, in one step.
  const unknown = after("RUNNING", { job: { started: "2026-01-02T03:04:05Z" }, seen: NOTHING }).stage.status;
  return [
    ["no retries left", held],
    ["it ran, and its end is unknown", unknown],
  ];
}

/** What is decided outside a round. */
function outside(from) {
  const job = { status: from, stage: stageOf(from), signal: null, attempt: 0, exitCode: null };
  const open = { ...job, stage: stageOf(from, false) };
  const isWrittenDown = from === "NOT_SUBMITTED";
  const changes = [
    ["the Job is created", isWrittenDown ? ACCEPTED : undefined],
    ["it cannot be submitted, or its script has changed", isWrittenDown ? UNSUBMITTABLE : undefined],
    ["cleanup --cancel", once(cleanUp(job))],
    ["cleanup", cleanedUp({ ...open, delivered: true })],
    ["cleanup, if the GASW database does not know it", isWrittenDown ? cleanedUp({ ...open, delivered: false }) : undefined],
    ["cleanup --forget", abandoned(job, "", new Date(0))],
    ["KILL from another state file", once(killedElsewhere(open, { reason: "Killed", message: "" }))],
    ...[0, 3, 9].map((code) => [`its late output shows exit code ${code}`, withLateOutput(job, code).change]),
    ...STATUSES.flatMap((status) => [true, false].map((hasBegun) => ["another state file ran it", adopted(job, status, hasBegun)])),
  ];
  return changes.map(([cause, change]) => [cause, change === "forget" ? "[*]" : (change?.stage?.status ?? from)]);
}

/** What is noted before a Job is removed is the end of a job once that is gone. */
function once(change) {
  return change?.stage.name === "removing" ? { stage: endedStage(change.stage.end) } : change;
}

function adopted(job, status, hasBegun) {
  const row = { id: "Job-1", fileName: "Job-1", status, exitCode: -1, queued: null, running: null, download: null, creation: null };
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
    const { stage, effects, refusal } = after(status, { dao: signal, seen: shownBy(status) });
    if (refusal !== undefined) return "-";
    const more = effects.some(({ kind }) => kind === "addAttempt") ? " + one more attempt" : "";
    return `${stage.status === status ? "as it is" : stage.status}${more}`;
  });
}

const drawn = [...transitions()].map(([key, causes]) => {
  const [from, to] = key.split(" ");
  return `    ${from} --> ${to}: ${[...causes].join(" / ")}`;
});

const text = `# The life of a job

<!-- Written by scripts/generate-lifecycle-docs.mjs from the life cycle's own function; edit that. -->

A job has two statuses. \`gasw-k8s\` stores the **local** status in its state and bases its decisions on it. The status that **users** see is in the GASW database; every
synchronisation (\`status --sync\`, \`monitor\`) updates it. A plain \`status\` queries the cluster and changes only the local status.

\`\`\`mermaid
stateDiagram-v2
    [*] --> NOT_SUBMITTED: submit
${drawn.join("\n")}
\`\`\`

| local | what users see | final |
| --- | --- | --- |
${STATUSES.map((status) => `| ${status} | ${shownStatus(status)} | ${isHeld(status) ? "no, it waits for a release" : hasEnded(status) ? "yes" : "no"} |`).join("\n")}

A job is RUNNING once its container runs: a pod that waits for a node or pulls its image is QUEUED. If the reason for waiting has a grace period (\`pending\`), the job becomes
ERROR when that period is over; a full cluster or a full quota never causes an ERROR. Related reasons count as one wait, and the time spent in them is added up: Unschedulable,
SchedulingGated, SchedulerError and Scheduling; ContainerCreating and the failures of volumes and of the pod's network; the failures of an image pull. A pod that the cluster
refuses to create (FailedCreate: a policy, a LimitRange, Pod Security, or a quota that requires resources to be specified) is reported at once. A job that its queue has taken back is
QUEUED, and its message says since when. If the node of a job stops responding, the job stays RUNNING with the reason NodeUnreachable, however long that takes: the job may still be running
there, and it must never run twice at the same time. It becomes STALLED once its pod no longer exists.

## Pods that do not end

A container that another program has added to a job's pod, such as the proxy of a service mesh, keeps the pod alive after the script has ended, and with it the pod's share of the node
and of the quota. Once the job's own container has ended, the job has ended: the next command that queries the cluster (\`status\`, \`status --sync\`, \`monitor\`, \`wait\`)
records the end and the last state of the pod, and removes the Job. \`debug why\` and \`debug describe\` still show that state. If a job has failed and its \`--env\` values
are stored only in its Job, only the pod is removed. The kubelet itself stops sidecars that are init containers, including the configured ones. If the kubelet restarts a container,
its first end counts.

If a node dies, its pods stay Terminating, and their scripts may still be running on it. The job is therefore not run again in the meantime. The message of the job, the message of an attempt
that waits for the pod (NOT_SUBMITTED, reason EarlierRun), \`debug why\`, and a cleanup that exits with 124 all name the pod and the node, and say what to do if you know that the node is
off. While the Job itself exists, add the taint \`node.kubernetes.io/out-of-service=nodeshutdown:NoExecute\` or delete the node: after \`kubectl delete pod --force\` alone, the Job's
finalizer still keeps the pod.

A script that is stopped has \`--grace-period\` (or \`terminationGracePeriodSeconds\`) to clean up. If it is killed before it has finished, the message says so and gives the time that it had.

## Retries and holds

Synchronisation resubmits a failed job (ERROR, STALLED) until \`retryCount\` resubmissions have failed; the next failure is held. A STALLED job was lost by the
cluster: it was evicted or deleted, or its node is gone. A job that started and ended in an unknown way is held immediately ([ends.md](ends.md)). A job that was killed, or that reported that it was cancelled (exit code 9), is not retried. After a
release, earlier failures still count: the next failure is held immediately.

With \`onHeld: announce\` in the configuration, nothing is held. Where a job would be, it stays ERROR or STALLED, its invocation is finished, and its failure is reported as its result. UNHOLD is
refused then. \`gasw-k8s retry\` (REPLICATE) and RESCHEDULE begin anew: what the job comes to is reported as another result, and its next failure is its last. Jobs that are held already stay so.

Two attempts of the same script never run at the same time. A resubmission waits until no pod of another attempt is left.

A job always runs the script that was submitted. If the script file has changed since, a resubmission other than by \`retry\` (after a failure, by a signal, by \`release\`) does not run it: the attempt
is ERROR_HELD with the reason ScriptChanged. \`gasw-k8s retry JOB\` runs the new version, shows how it differs, and records it as submitted; after restoring the old
script, \`gasw-k8s release JOB\` continues. This check does not apply to jobs submitted by version 0.1.0, which did not record the script.

## Signals

Other programs, such as the portal, write signals into a job's row; \`cancel\` (KILL), \`retry\` (REPLICATE) and \`release\` (UNHOLD) do the same from the command line. Each
is handled once. \`gasw-k8s\` first checks the state of the job in the cluster: if the job has already ended, a KILL that arrives at the same time has no effect, even if the
job's output has not arrived yet. A signal that has no effect (\`-\`) is recorded in the job's history, and the job's status is written back to its row.

A signal and all of its consequences, including a new attempt, are recorded before anything is removed from the cluster. Nothing is lost and nothing is done twice if a removal fails
or the program dies halfway. A killed job has ended once the cluster is deleting its Job. Until then it may still complete, and it is not reported as
killed.

| local | ${SIGNALS.join(" | ")} |
| --- | ${SIGNALS.map(() => "---").join(" | ")} |
${STATUSES.map((status) => `| ${status} | ${signalRow(status).join(" | ")} |`).join("\n")}

- KILL gives up a job that is active, held, or about to be retried.
- REPLICATE creates one more attempt, which waits for its turn. If the first one completes in the meantime, the new attempt ends as DELETED_REPLICA without having run.
- RESCHEDULE runs the same attempt again, once its Job no longer exists.
- An attempt cannot be replicated, rescheduled or released if there is a newer one, or if its invocation has completed.

## Results

An invocation is finished when one of its attempts has COMPLETED, or when its last attempt was DELETED or CANCELLED, or, with \`onHeld: announce\`, has failed for good. It is then reported once. The reported exit code is 9 for DELETED and
CANCELLED. For COMPLETED it is the one in the output: 0, or -1 if the output contains none. For ERROR and STALLED it is the job's own. Jobs that are being retried or
are held are not finished; that a job is held, and that it is released, is reported, too ([engine-contract.md](engine-contract.md)). If a job is run again before its result was read by anybody, that
result is dropped, and the next one is reported.
`;

if (process.argv.includes("--check")) {
  process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
} else {
  writeFileSync(page, text);
}
