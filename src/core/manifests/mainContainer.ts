import type { V1Container, V1PodSpec } from "../wire.ts";

/** Name of the container that runs the script; the job's status is this container's. */
export const MAIN_CONTAINER = "job";

/**
 * The container of a pod, or of a Job's template, that runs the script: others may have been put in before
 * it.
 */
export function mainOf(spec: V1PodSpec | undefined): V1Container | undefined {
  return spec?.containers.find(({ name }) => name === MAIN_CONTAINER) ?? spec?.containers[0];
}
