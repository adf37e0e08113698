import type { Observation } from "../../../src/core/lifecycle/observe.ts";

/** How a pod ends. */
export interface Outcome {
  readonly exitCode: number;
  readonly byCluster: boolean;
  /** What its output says by then. */
  readonly file: number | undefined;
}

/** What there is of an attempt in the cluster. */
export type Kube =
  | { readonly kind: "none" }
  | { readonly kind: "waiting"; readonly tooLong: boolean }
  | { readonly kind: "running" }
  | { readonly kind: "ended"; readonly outcome: Outcome }
  | { readonly kind: "lost" };

export const NONE: Kube = { kind: "none" };
export const WAITING: Kube = { kind: "waiting", tooLong: false };

/** Whether a pod may run something. */
export function isLive({ kind }: Kube): boolean {
  return kind === "waiting" || kind === "running";
}

/** What the cluster shows of it. */
export function observe(kube: Kube): Observation {
  switch (kube.kind) {
    case "none":
      return { phase: "missing" };
    case "waiting":
      return { phase: "waiting", reason: kube.tooLong ? "InvalidImageName" : "Unschedulable", message: "" };
    case "running":
      return { phase: "running" };
    case "lost":
      return { phase: "lost", reason: "", message: "" };
    case "ended": {
      const { exitCode, byCluster } = kube.outcome;
      return { phase: "ended", ending: { exitCode, reason: byCluster ? "Evicted" : "Error", message: "", byCluster, stopped: byCluster } };
    }
  }
}
