import type { Observation } from "../../../src/core/lifecycle/observe.ts";
import type { V1Job, V1Pod } from "../../../src/core/wire.ts";

/** Objects as the API server sends them: JSON, times as text. */
export const asObject = <T>(json: object): T => JSON.parse(JSON.stringify(json)) as T;

export const BEGIN = "2026-01-02T03:04:05Z";
export const END = "2026-01-02T03:05:05Z";
const START = { startedAt: "2026-01-02T03:04:05.000Z" };
const FINISH = { finishedAt: "2026-01-02T03:05:05.000Z" };
const PLACE = { pod: "job-1-abcde", node: "node-1" };

export type State = Record<string, unknown>;
export const running = { running: { startedAt: BEGIN } };
const waiting = (reason: string, message?: string) => ({ waiting: { reason, message } });
export const terminated = (exitCode: number, reason = exitCode === 0 ? "Completed" : "Error", more: State = {}) => ({
  terminated: { exitCode, reason, startedAt: BEGIN, finishedAt: END, ...more },
});
export const container = (name: string, state: State, more: State = {}) => ({ name, state, ...more });

/** A pod on a node, its main container in this state. */
export function pod(state: State | undefined, status: State = {}, spec: State = {}): V1Pod {
  return asObject({
    metadata: { name: "job-1-abcde", labels: { "batch.kubernetes.io/job-name": "job-1" } },
    spec: { nodeName: "node-1", ...spec },
    status: { phase: "Pending", ...(state === undefined ? {} : { containerStatuses: [container("job", state)] }), ...status },
  });
}

const unscheduled = (conditions: State[]) => pod(undefined, { conditions }, { nodeName: undefined });
const failed = (reason: string, message: string, state?: State, more: State = {}) =>
  pod(state, { phase: "Failed", reason, message, ...more });
const withInit = (init: State[], state: State = waiting("PodInitializing"), status: State = {}, spec: State = {}) =>
  pod(state, { initContainerStatuses: init, ...status }, spec);
const deleted = (state: State, deletionTimestamp: string): V1Pod => {
  const shown = pod(state, { phase: "Running" });
  return asObject({ ...shown, metadata: { ...shown.metadata, deletionTimestamp, deletionGracePeriodSeconds: 30 } });
};
const notReady = (reason?: string) => ({ conditions: [{ type: "Ready", status: "False", reason }] });
const WAY_OUT =
  "once node node-1 is known to be off: kubectl delete pod job-1-abcde --force --grace-period=0 (or: kubectl taint node node-1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute)";
const leaving = (goneBy: string) => ({ goneBy, wayOut: WAY_OUT });
/** A pod whose deletion was asked for at a time of that minute, with this period to end in, and has this status. */
const deletedWith = (grace: number, asked: string, shown: V1Pod, spec: State = {}): V1Pod => {
  const deletionTimestamp = new Date(Date.parse(`2026-01-02T03:${asked}Z`) + grace * 1000).toISOString();
  const metadata = { ...shown.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace };
  return asObject({ ...shown, metadata, spec: { ...shown.spec, ...spec } });
};
const cutOff = (seconds: number) => `; its own clean-up was cut off after ${seconds} s: it was killed (SIGKILL) before it had finished`;
const disrupted = (lastTransitionTime: string, more: State = {}) => ({
  conditions: [{ type: "DisruptionTarget", status: "True", message: "preempted", lastTransitionTime }],
  ...more,
});
const SILENT = "node node-1 does not respond: the job may still be running there";
const sidecars = { initContainers: [{ name: "proxy", restartPolicy: "Always" }, { name: "fetch" }] };

const STOPS = ["Evicted", "NodeLost", "Rejected", "PodDeleted", "DeadlineExceeded"];
const isWaiting = (reason: string, message: string): Observation => ({ phase: "waiting", reason, message, ...PLACE });
const hasEnded = (
  exitCode: number | undefined,
  reason: string,
  { message = "", byCluster = false, times = true }: { message?: string; byCluster?: boolean; times?: boolean } = {},
): Observation => ({
  phase: "ended",
  ending: {
    ...(exitCode === undefined ? {} : { exitCode }),
    reason,
    message,
    byCluster,
    stopped: STOPS.includes(reason),
    ...(["InitError", "Rejected", "StartError"].includes(reason) ? { began: false } : {}),
  },
  ...PLACE,
  ...(times ? { ...START, ...FINISH } : {}),
});

const started = (state: State, lastState: State): V1Pod =>
  pod(undefined, { phase: "Running", containerStatuses: [container("job", state, { lastState, restartCount: 1 })] });

export const PODS: [string, V1Pod, Observation][] = [
  // Before the container runs
  ["just made", unscheduled([]), { phase: "waiting", reason: "Scheduling", message: "the pod is waiting for a node", pod: "job-1-abcde" }],
  [
    "that no node takes",
    unscheduled([
      { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes are available: 1 Insufficient memory." },
    ]),
    { phase: "waiting", reason: "Unschedulable", message: "0/1 nodes are available: 1 Insufficient memory.", pod: "job-1-abcde" },
  ],
  [
    "held back by a scheduling gate",
    unscheduled([{ type: "PodScheduled", status: "False", reason: "SchedulingGated", message: "gated" }]),
    { phase: "waiting", reason: "SchedulingGated", message: "gated", pod: "job-1-abcde" },
  ],
  [
    "on a node that has not looked at it",
    pod(undefined),
    isWaiting("ContainerCreating", "the node is preparing the container (volumes, image)"),
  ],
  [
    "being prepared",
    pod(waiting("ContainerCreating")),
    isWaiting("ContainerCreating", "the node is preparing the container (volumes, image)"),
  ],
  ["whose pull fails", pod(waiting("ErrImagePull", "not found")), isWaiting("ErrImagePull", "not found")],
  ["whose pull is tried again later", pod(waiting("ImagePullBackOff", "Back-off")), isWaiting("ImagePullBackOff", "Back-off")],
  ["with a wrong image name", pod(waiting("InvalidImageName")), isWaiting("InvalidImageName", "InvalidImageName")],
  [
    "that refers to a missing secret",
    pod(waiting("CreateContainerConfigError", "no secret")),
    isWaiting("CreateContainerConfigError", "no secret"),
  ],
  [
    "that ended at once, and is said to have begun a second after that",
    pod(terminated(0, "Completed", { startedAt: END, finishedAt: BEGIN })),
    {
      phase: "ended",
      ending: { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false },
      ...PLACE,
      startedAt: FINISH.finishedAt,
      ...FINISH,
    },
  ],
  // Init containers and sidecars
  ["whose init container runs", withInit([container("fetch", running)]), isWaiting("Initializing", "init container fetch is running")],
  [
    "whose second init container runs",
    withInit([container("fetch", terminated(0)), container("unpack", running)]),
    isWaiting("Initializing", "init container unpack is running"),
  ],
  [
    "whose init image cannot be pulled",
    withInit([container("fetch", waiting("ErrImagePull", "denied"))]),
    isWaiting("ErrImagePull", "denied"),
  ],
  [
    "whose sidecar crashes again and again before the job",
    withInit([container("proxy", waiting("CrashLoopBackOff", "back-off 10s"))]),
    isWaiting("CrashLoopBackOff", "back-off 10s"),
  ],
  [
    "whose sidecar runs while the main image cannot be pulled",
    withInit([container("proxy", running, { started: true })], waiting("ImagePullBackOff", "Back-off"), {}, sidecars),
    isWaiting("ImagePullBackOff", "Back-off"),
  ],
  [
    "whose sidecar has not started yet",
    withInit([container("proxy", running, { started: false })], waiting("PodInitializing"), {}, sidecars),
    isWaiting("Initializing", "init container proxy is running"),
  ],
  [
    "whose sidecar runs while the main container is prepared",
    withInit([container("proxy", running, { started: true })], waiting("PodInitializing"), {}, sidecars),
    isWaiting("ContainerCreating", "the node is preparing the container (volumes, image)"),
  ],
  [
    "whose init container failed",
    withInit([container("fetch", terminated(4))], waiting("PodInitializing"), { phase: "Failed" }),
    hasEnded(4, "InitError", { message: "init container fetch ended with exit code 4", times: false }),
  ],
  [
    "whose init container had too little memory",
    withInit([container("fetch", terminated(137, "OOMKilled"))], waiting("PodInitializing"), { phase: "Failed" }),
    hasEnded(137, "InitError", { message: "init container fetch ended with exit code 137 (out of memory)", times: false }),
  ],
  [
    "whose init container failed, and whose sidecar was ended for that",
    withInit(
      [container("proxy", terminated(143)), container("fetch", terminated(4))],
      waiting("PodInitializing"),
      { phase: "Failed" },
      sidecars,
    ),
    hasEnded(4, "InitError", { message: "init container fetch ended with exit code 4", times: false }),
  ],
  // Running
  ["that runs", pod(running, { phase: "Running" }), { phase: "running", ...PLACE, ...START }],
  [
    "that runs beside its sidecar",
    withInit([container("proxy", running, { started: true })], running, { phase: "Running" }),
    { phase: "running", ...PLACE, ...START },
  ],
  [
    "that runs while its sidecar crashes",
    withInit([container("proxy", waiting("CrashLoopBackOff"))], running, { phase: "Running" }),
    { phase: "running", ...PLACE, ...START },
  ],
  // Ended
  ["that succeeded", pod(terminated(0), { phase: "Succeeded" }), hasEnded(0, "Completed")],
  ["that ended while its sidecar still runs", pod(terminated(0), { phase: "Running" }), hasEnded(0, "Completed")],
  [
    "that succeeded although its sidecar did not",
    withInit([container("proxy", terminated(137))], terminated(0), {}, sidecars),
    hasEnded(0, "Completed"),
  ],
  ["that failed", pod(terminated(3), { phase: "Failed" }), hasEnded(3, "Error")],
  [
    "that failed with words",
    pod(terminated(3, "Error", { message: "no space\n" }), { phase: "Failed" }),
    hasEnded(3, "Error", { message: "no space" }),
  ],
  ["that was killed for its memory", pod(terminated(137, "OOMKilled"), { phase: "Failed" }), hasEnded(137, "OOMKilled")],
  [
    "of which a child was killed for its memory, and which went on",
    pod(terminated(0, "OOMKilled"), { phase: "Succeeded" }),
    hasEnded(0, "Completed"),
  ],
  [
    "that could not start its command",
    pod(terminated(128, "StartError", { message: "no bash" })),
    hasEnded(128, "StartError", { message: "no bash" }),
  ],
  [
    "whose time was up",
    failed("DeadlineExceeded", "Pod was active on the node longer than the specified deadline", terminated(143)),
    hasEnded(143, "DeadlineExceeded", { message: "Pod was active on the node longer than the specified deadline" }),
  ],
  [
    "whose time was up before it began",
    failed("DeadlineExceeded", ""),
    hasEnded(undefined, "DeadlineExceeded", { message: "the pod exceeded its time limit", times: false }),
  ],
  [
    "evicted before it began",
    failed("Evicted", "The node was low on resource: memory."),
    hasEnded(undefined, "Evicted", { message: "The node was low on resource: memory.", byCluster: true, times: false }),
  ],
  [
    "evicted while it ran",
    failed("Evicted", "low on disk", terminated(137)),
    hasEnded(137, "Evicted", { message: "low on disk", byCluster: true }),
  ],
  [
    "evicted, and that said it had succeeded",
    failed("Evicted", "low on disk", terminated(0)),
    hasEnded(0, "Evicted", { message: "low on disk", byCluster: true }),
  ],
  [
    "that succeeded, and of whose container nothing is said",
    pod(undefined, { phase: "Succeeded" }),
    hasEnded(0, "Completed", { times: false }),
  ],
  [
    "of whose container its node lost sight",
    failed("", "", {
      terminated: { exitCode: 137, reason: "ContainerStatusUnknown", message: "could not be located", startedAt: null, finishedAt: null },
    }),
    hasEnded(undefined, "ContainerStatusUnknown", { message: "could not be located", byCluster: true, times: false }),
  ],
  [
    "that was collected with its node while its container was said to run",
    pod(running, { phase: "Failed", conditions: [{ type: "DisruptionTarget", status: "True", message: "node not found" }] }),
    {
      phase: "ended",
      ending: { reason: "Evicted", message: "node not found", byCluster: true, stopped: true },
      ...PLACE,
      ...START,
    },
  ],
  [
    "whose node was shut down",
    failed("Terminated", "shutdown", terminated(143)),
    hasEnded(143, "NodeLost", { message: "shutdown", byCluster: true }),
  ],
  ["whose node was lost", failed("NodeLost", "gone"), hasEnded(undefined, "NodeLost", { message: "gone", byCluster: true, times: false })],
  [
    "that its node would not take",
    failed("OutOfcpu", "not enough cpu"),
    hasEnded(undefined, "Rejected", { message: "not enough cpu", byCluster: true, times: false }),
  ],
  [
    "that made room for a more important one",
    failed("", "", terminated(143), { conditions: [{ type: "DisruptionTarget", status: "True", message: "preempted" }] }),
    hasEnded(143, "Evicted", { message: "preempted", byCluster: true }),
  ],
  // Requested 30 s (the grace period) before the deletion's own time
  [
    "that was deleted while it ran",
    deleted(terminated(143), "2026-01-02T03:05:30Z"),
    hasEnded(143, "PodDeleted", { message: "its pod was deleted while it was running", byCluster: true }),
  ],
  ["that was deleted after it had been killed", deleted(terminated(137), "2026-01-02T04:00:00Z"), hasEnded(137, "Error")],
  [
    "that was deleted while it ran, and said that it had succeeded",
    deleted(terminated(0), "2026-01-02T03:05:30Z"),
    hasEnded(0, "PodDeleted", { message: "its pod was deleted while it was running", byCluster: true }),
  ],
  ["that had succeeded before it was deleted", deleted(terminated(0), "2026-01-02T04:00:00Z"), hasEnded(0, "Completed")],
  ["that was deleted, and failed in its own way", deleted(terminated(3), "2026-01-02T03:05:30Z"), hasEnded(3, "Error")],
  [
    "that was deleted while it had too little memory",
    deleted(terminated(137, "OOMKilled"), "2026-01-02T03:05:30Z"),
    hasEnded(137, "OOMKilled"),
  ],
  [
    "that is being deleted and still runs",
    deleted(running, "2026-01-02T04:00:00Z"),
    {
      phase: "running",
      reason: "Terminating",
      message: "its pod is being deleted",
      ...PLACE,
      ...START,
      ...leaving("2026-01-02T04:00:00.000Z"),
    },
  ],
  [
    "that is being deleted before its container has begun",
    deleted(waiting("ContainerCreating"), "2026-01-02T04:00:00Z"),
    { ...isWaiting("Terminating", "its pod is being deleted"), ...leaving("2026-01-02T04:00:00.000Z") } as Observation,
  ],
  // What a script that was to stop left undone; each asked to at a time before its end at 03:05:05
  [
    "that was deleted, and killed when its time to clean up was over",
    deletedWith(60, "04:05", pod(terminated(137), { phase: "Failed" }), { terminationGracePeriodSeconds: 60 }),
    hasEnded(137, "PodDeleted", { message: `its pod was deleted while it was running${cutOff(60)}`, byCluster: true }),
  ],
  [
    "that was deleted with less time than it asks for, and killed when that was over",
    deletedWith(5, "05:00", pod(terminated(137), { phase: "Failed" }), { terminationGracePeriodSeconds: 60 }),
    hasEnded(137, "PodDeleted", { message: `its pod was deleted while it was running${cutOff(5)}`, byCluster: true }),
  ],
  [
    "that was deleted with more time than it asks for, and ended at once",
    deletedWith(600, "05:04", pod(terminated(143), { phase: "Failed" }), { terminationGracePeriodSeconds: 5 }),
    hasEnded(143, "PodDeleted", { message: "its pod was deleted while it was running", byCluster: true }),
  ],
  [
    "that was killed so, and whose deletion the kubelet has completed",
    deletedWith(0, "05:06", pod(terminated(137), { phase: "Failed" }), { terminationGracePeriodSeconds: 60 }),
    hasEnded(137, "PodDeleted", { message: `its pod was deleted while it was running${cutOff(60)}`, byCluster: true }),
  ],
  [
    "that was deleted, and whose wrapper recorded its 137",
    deletedWith(
      60,
      "05:04",
      pod(terminated(137, "Error", { message: "1 job-1 uid-1 137 TERM 1767323100 1767323105 0 0 end\n" }), { phase: "Failed" }),
    ),
    {
      phase: "ended",
      ending: {
        exitCode: 137,
        reason: "PodDeleted",
        message: "its pod was deleted while it was running",
        byCluster: true,
        stopped: true,
        record: {
          attempt: "job-1",
          podUid: "uid-1",
          code: 137,
          signal: "TERM",
          signalledAt: 1767323100,
          endedAt: 1767323105,
          outBytes: 0,
          errBytes: 0,
        },
      },
      ...PLACE,
      ...START,
      ...FINISH,
    },
  ],
  [
    "that made room for a more important one, and was killed when its time was over",
    failed("", "", terminated(137), disrupted("2026-01-02T03:04:35Z")),
    hasEnded(137, "Evicted", { message: `preempted${cutOff(30)}`, byCluster: true }),
  ],
  [
    "that was evicted by a node which could not wait",
    failed("Evicted", "low on memory", terminated(137), disrupted("2026-01-02T03:05:03Z")),
    hasEnded(137, "Evicted", { message: `low on memory${cutOff(2)}`, byCluster: true }),
  ],
  [
    "whose time was up, and that was killed while it cleaned up",
    failed("DeadlineExceeded", "too long", terminated(137)),
    hasEnded(137, "DeadlineExceeded", { message: `too long${cutOff(30)}` }),
  ],
  [
    "that was evicted while it ran out of its own memory",
    failed("Evicted", "low on memory", terminated(137, "OOMKilled"), disrupted("2026-01-02T03:05:03Z")),
    hasEnded(137, "Evicted", { message: "low on memory", byCluster: true }),
  ],
  // A kubelet that has lost its containers, as a runtime that was reset, may start one anew.
  ["whose ended container was started again", started(running, terminated(3)), hasEnded(3, "Error")],
  ["whose ended container is about to be started again", started(waiting("ContainerCreating"), terminated(0)), hasEnded(0, "Completed")],
  [
    "whose container its node lost sight of, and started again",
    started(running, {
      terminated: { exitCode: 137, reason: "ContainerStatusUnknown", message: "could not be located", startedAt: null, finishedAt: null },
    }),
    hasEnded(undefined, "ContainerStatusUnknown", { message: "could not be located", byCluster: true, times: false }),
  ],
  // What the node life cycle controller writes for a node that has fallen silent (MarkPodsNotReady), then the taint's eviction
  [
    "whose node has fallen silent",
    pod(running, { phase: "Running", ...notReady() }),
    { phase: "running", reason: "NodeUnreachable", message: SILENT, ...PLACE, ...START },
  ],
  [
    "whose node has fallen silent, and which is to be deleted for that",
    asObject({ ...deleted(running, "2026-01-02T04:00:00Z"), status: pod(running, { phase: "Running", ...notReady() }).status ?? {} }),
    { phase: "running", reason: "NodeUnreachable", message: SILENT, ...PLACE, ...START, ...leaving("2026-01-02T04:00:00.000Z") },
  ],
  [
    "whose node has fallen silent, as older clusters say it",
    pod(running, { phase: "Running", reason: "NodeLost", message: "Node node-1 which was running pod job-1-abcde is unresponsive" }),
    { phase: "running", reason: "NodeUnreachable", message: SILENT, ...PLACE, ...START },
  ],
  [
    "that runs beside a container of which its node says that it is not ready",
    pod(running, { phase: "Running", ...notReady("ContainersNotReady") }),
    { phase: "running", ...PLACE, ...START },
  ],
  ["that ended before its node fell silent", pod(terminated(0), { phase: "Running", ...notReady() }), hasEnded(0, "Completed")],
  [
    "that failed without a word",
    pod(undefined, { phase: "Failed" }),
    hasEnded(undefined, "Failed", { message: "the pod failed before the script began", byCluster: true, times: false }),
  ],
];

export const job = (status: State, spec: State = {}): V1Job => asObject({ metadata: { name: "job-1" }, spec, status });
const condition = (type: string, more: State = {}, status = "True") => ({ conditions: [{ type, status, ...more }] });

export const JOBS: [string, V1Job | undefined, Observation][] = [
  ["no Job", undefined, { phase: "missing" }],
  ["a Job just made", job({}), { phase: "waiting", reason: "NoPod", message: "the cluster has not created the job's pod yet" }],
  [
    "a Job held by a queue",
    job({}, { suspend: true }),
    { phase: "waiting", reason: "Suspended", message: "the Job is suspended (a queue may hold it)" },
  ],
  [
    "a Job held by a queue that it names, since some time",
    asObject({
      ...job({ conditions: [{ type: "Suspended", status: "True", lastTransitionTime: "2026-01-02T03:00:00Z" }] }, { suspend: true }),
      metadata: { name: "job-1", labels: { "kueue.x-k8s.io/queue-name": "batch" } },
    }),
    {
      phase: "waiting",
      reason: "Suspended",
      message: "queue batch has not admitted it yet",
      queue: "batch",
      suspendedAt: "2026-01-02T03:00:00.000Z",
    },
  ],
  [
    "a complete Job, whose pod's containers must have ended with 0",
    job({ ...condition("Complete"), completionTime: END }),
    { phase: "ended", ending: { exitCode: 0, reason: "Completed", message: "", byCluster: false, stopped: false }, ...FINISH },
  ],
  [
    "a failed Job",
    job(condition("Failed", { reason: "BackoffLimitExceeded", message: "too many" })),
    { phase: "lost", reason: "BackoffLimitExceeded", message: "too many" },
  ],
  [
    "a Job whose failure is not certain yet",
    job(condition("Failed", {}, "False")),
    { phase: "waiting", reason: "NoPod", message: "the cluster has not created the job's pod yet" },
  ],
];
