import type { Facts, JobState } from "../../../src/core/why/facts.ts";
import type { CoreV1Event, V1Container, V1Job, V1Node, V1Pod, V1PodSpec } from "../../../src/core/wire.ts";

/** Facts about a job, of which a test states only what matters to it. */
export function facts(state: JobState, more: Partial<Facts> = {}): Facts {
  return {
    job: { id: "Job-1", fileName: "Job-1", namespace: "ns", directory: "/w/wf" },
    state,
    seen: { phase: "missing" },
    claims: [],
    events: [],
    lastWords: [],
    isSilent: false,
    now: new Date("2026-01-01T01:00:00Z"),
    ...more,
  };
}

/** A job that waits, as the cluster shows it. */
export function waiting(reason: string, message: string, more: Partial<Facts> = {}): Facts {
  return facts({ status: "QUEUED", reason, message }, { seen: { phase: "waiting", reason, message }, kubeJob: kubeJob(), ...more });
}

export function container(more: Partial<V1Container> = {}): V1Container {
  return { name: "job", image: "repo/app:1", ...more };
}

export function kubeJob(spec: Partial<V1PodSpec> = {}): V1Job {
  return { metadata: { name: "wf-job-1-abc" }, spec: { template: { spec: { containers: [container()], ...spec } } } };
}

export function pod(spec: Partial<V1PodSpec> = {}): V1Pod {
  return { metadata: { name: "wf-job-1-abc-x" }, spec: { containers: [container()], ...spec } };
}

export function event(kind: string, reason: string, message: string, name = "x"): CoreV1Event {
  return { metadata: {}, involvedObject: { kind, name }, reason, message };
}

export function node(allocatable: Record<string, string>): V1Node {
  return { metadata: { name: "node" }, status: { allocatable } };
}
