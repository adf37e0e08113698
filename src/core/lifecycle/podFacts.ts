import type { V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from "../wire.ts";

/** How a container ended first: a kubelet may start one again that has ended, though it should not. */
export function terminatedOf(status: V1ContainerStatus | undefined): V1ContainerStateTerminated | undefined {
  return status?.lastState?.terminated ?? status?.state?.terminated;
}

/** Names of the init containers that run on beside the others, and are ended with them. */
export function sidecarsOf(pod: V1Pod): string[] {
  return (pod.spec?.initContainers ?? [])
    .filter((container) => container.restartPolicy === "Always")
    .map(({ name }) => name);
}
