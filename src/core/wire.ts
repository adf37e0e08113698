import type * as kubernetes from "@kubernetes/client-node";

/**
 * What the API server sends, as its JSON has it. The client library declares dates as `Date`; nothing here
 * parses them, and they are the text that has arrived (RFC 3339).
 */
type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

export interface CoreV1Event extends Wire<kubernetes.CoreV1Event> {}
export interface KubernetesObject extends Wire<kubernetes.KubernetesObject> {}
export interface V1Container extends Wire<kubernetes.V1Container> {}
export interface V1ContainerState extends Wire<kubernetes.V1ContainerState> {}
export interface V1ContainerStateTerminated extends Wire<kubernetes.V1ContainerStateTerminated> {}
export interface V1ContainerStatus extends Wire<kubernetes.V1ContainerStatus> {}
export interface V1Job extends Wire<kubernetes.V1Job> {}
export interface V1JobCondition extends Wire<kubernetes.V1JobCondition> {}
export interface V1LocalObjectReference extends Wire<kubernetes.V1LocalObjectReference> {}
export interface V1Namespace extends Wire<kubernetes.V1Namespace> {}
export interface V1Node extends Wire<kubernetes.V1Node> {}
export interface V1PersistentVolume extends Wire<kubernetes.V1PersistentVolume> {}
export interface V1PersistentVolumeClaim extends Wire<kubernetes.V1PersistentVolumeClaim> {}
export interface V1Pod extends Wire<kubernetes.V1Pod> {}
export interface V1PodSpec extends Wire<kubernetes.V1PodSpec> {}
export interface V1SecurityContext extends Wire<kubernetes.V1SecurityContext> {}
export interface V1StorageClass extends Wire<kubernetes.V1StorageClass> {}
export interface V1TopologySpreadConstraint extends Wire<kubernetes.V1TopologySpreadConstraint> {}
export interface V1Toleration extends Wire<kubernetes.V1Toleration> {}
export interface V1VolumeMount extends Wire<kubernetes.V1VolumeMount> {}

/** A page of a list. */
export interface KubernetesListObject<T extends KubernetesObject> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items: T[];
}

/** A time to the millisecond, as this program keeps and shows times; the cluster's have seconds, or less. */
export function isoTime(time: string | null | undefined): string | undefined {
  return time === undefined || time === null ? undefined : new Date(time).toISOString();
}

/**
 * When a container ended, where it is known when it began. A container that ends at once can be said to
 * begin after its end: containerd stamps its start once the call that starts it has returned.
 */
export function endTime(started: string | undefined, finished: string | undefined): string | undefined {
  return started !== undefined && finished !== undefined && finished < started ? started : finished;
}

/** When an event was last seen to happen. */
export function eventTime(event: CoreV1Event): string | undefined {
  return event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp;
}
