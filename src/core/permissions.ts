/** The permissions that the program uses, as deploy/rbac.yaml grants them. Pure. */

/** What is done to one kind of object. */
export interface Permission {
  /** API group; empty for the core's. */
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly verbs: readonly string[];
  /** Whether it concerns the jobs' namespace alone, or objects that are in none. */
  readonly scope: "namespace" | "cluster";
  /** Whom deploy/rbac.yaml grants it: the engine, or administrators alone. */
  readonly account: "engine" | "admin";
  /** Whether jobs run without it. */
  readonly isOptional?: boolean;
  /** What happens without it. */
  readonly without: string;
}

/** All of them, in the order in which a submission needs them. */
export const PERMISSIONS: readonly Permission[] = [
  {
    group: "",
    resource: "namespaces",
    verbs: ["get", "create"],
    scope: "cluster",
    account: "engine",
    without: "the first submission cannot make sure that the namespace exists",
  },
  {
    group: "",
    resource: "persistentvolumes",
    verbs: ["get", "list", "create", "patch", "delete"],
    scope: "cluster",
    account: "engine",
    without: "NFS and hostPath volumes cannot be created, used or removed",
  },
  {
    group: "storage.k8s.io",
    resource: "storageclasses",
    verbs: ["get"],
    scope: "cluster",
    account: "engine",
    isOptional: true,
    without: "a submission does not wait for volumes of a storage class",
  },
  {
    group: "",
    resource: "persistentvolumeclaims",
    verbs: ["get", "list", "watch", "create", "patch", "delete"],
    scope: "namespace",
    account: "engine",
    without: "claims cannot be created, used or removed",
  },
  {
    group: "batch",
    resource: "jobs",
    verbs: ["get", "list", "watch", "create", "delete"],
    scope: "namespace",
    account: "engine",
    without: "jobs cannot be run, followed or removed",
  },
  {
    group: "",
    resource: "pods",
    verbs: ["get", "list", "watch", "delete"],
    scope: "namespace",
    account: "engine",
    without: "jobs cannot be followed or stopped",
  },
  {
    group: "",
    resource: "events",
    verbs: ["list"],
    scope: "namespace",
    account: "engine",
    without: "nothing says why a job or a volume has to wait",
  },
  {
    group: "coordination.k8s.io",
    resource: "leases",
    verbs: ["get", "create", "patch", "delete"],
    scope: "namespace",
    account: "engine",
    isOptional: true,
    without: "two hosts that serve the same workflow do not notice each other",
  },
  {
    group: "coordination.k8s.io",
    resource: "leases",
    verbs: ["list"],
    scope: "namespace",
    account: "admin",
    isOptional: true,
    without: "`debug jobs`, `debug pvc` and `cleanup --orphaned` do not show which engines are alive",
  },
  {
    group: "",
    resource: "pods",
    verbs: ["create"],
    scope: "namespace",
    account: "admin",
    isOptional: true,
    without: "`debug shell` and `debug logs` cannot read the files of a job that has ended",
  },
  {
    group: "",
    resource: "pods",
    subresource: "log",
    verbs: ["get"],
    scope: "namespace",
    account: "admin",
    isOptional: true,
    without: "`debug logs` does not show the pod's own log",
  },
  {
    group: "",
    resource: "pods",
    subresource: "exec",
    verbs: ["get", "create"],
    scope: "namespace",
    account: "admin",
    isOptional: true,
    without: "`debug exec`, and `debug shell` of a running job, are refused",
  },
  {
    group: "",
    resource: "nodes",
    verbs: ["get", "list"],
    scope: "cluster",
    account: "admin",
    isOptional: true,
    without: "`debug nodes` is refused",
  },
];

/** Its object as kubectl writes it: `jobs.batch`, `pods/log`. */
export function resourceText({
  group,
  resource,
  subresource,
}: Pick<Permission, "group" | "resource" | "subresource">): string {
  const full = group === "" ? resource : `${resource}.${group}`;
  return subresource === undefined ? full : `${full}/${subresource}`;
}
