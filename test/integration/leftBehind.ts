import { MAIN_CONTAINER } from "../../src/core/manifests/mainContainer.ts";
import { desiredVolume } from "../../src/core/manifests/volumes.ts";
import { identityMetadata, jobName, leaseName, workflowVolumeNames } from "../../src/core/names.ts";
import { newLease } from "../../src/core/owner.ts";
import type { ClusterDouble } from "./clusterDouble.ts";

/** Paths of the objects of a workflow. */
export interface Paths {
  readonly claim: string;
  readonly volume: string;
  readonly lease: string;
  job(id: string): string;
  pod(id: string): string;
}

/** A workflow of which an engine has made objects in a cluster. */
export class LeftBehind {
  readonly id: string;
  readonly namespace: string;
  readonly directory: string;
  readonly paths: Paths;
  readonly #cluster: ClusterDouble;
  readonly #since: Date;

  /** @param since when its engine was last at work */
  constructor(cluster: ClusterDouble, workflow: { id: string; namespace: string; directory: string }, since: Date) {
    this.id = workflow.id;
    this.namespace = workflow.namespace;
    this.directory = workflow.directory;
    this.#cluster = cluster;
    this.#since = since;
    const names = workflowVolumeNames(this.namespace, this.id);
    const core = `/api/v1/namespaces/${this.namespace}`;
    const nameOf = (id: string) => jobName(this.namespace, this.id, id);
    this.paths = {
      claim: `${core}/persistentvolumeclaims/${names.claim}`,
      volume: `/api/v1/persistentvolumes/${names.persistentVolume}`,
      lease: `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases/${leaseName(this.namespace, this.id)}`,
      job: (id) => `/apis/batch/v1/namespaces/${this.namespace}/jobs/${nameOf(id)}`,
      pod: (id) => `${core}/pods/${nameOf(id)}-abcde`,
    };
  }

  /** The namespace, with the workflow's claim and volume, bound to each other. */
  withVolume(): this {
    const { persistentVolume, claim } = this.#volume();
    this.#cluster.put(`/api/v1/namespaces/${this.namespace}`, {});
    this.#put(this.paths.claim, { ...claim, status: { phase: "Bound" } });
    this.#put(this.paths.volume, { ...persistentVolume, status: { phase: "Bound" } });
    return this;
  }

  /** The Lease of an engine on another host. */
  withEngine(host = "engine-1"): this {
    const lease = newLease(this, { id: `state-of-${host}`, host, user: "www", place: host }, this.#since);
    const managedFields = [{ time: this.#since.toISOString(), fieldsV1: { "f:spec": { "f:renewTime": {} } } }];
    this.#put(this.paths.lease, { ...lease, metadata: { ...lease.metadata, managedFields } });
    return this;
  }

  /** A Job whose container is in a state; undefined: without a pod. */
  withJob(id: string, state: object | undefined): this {
    const { labels, annotations } = identityMetadata("job", this, id);
    const name = jobName(this.namespace, this.id, id);
    const metadata = { namespace: this.namespace, labels, annotations: { ...annotations, "gasw-k8s.io/directory": this.directory } };
    const status = { conditions: state !== undefined && "terminated" in state ? [{ type: "Failed", status: "True" }] : [] };
    this.#put(this.paths.job(id), { metadata: { ...metadata, name }, spec: { template: { spec: {} } }, status });
    if (state === undefined) return this;
    this.#put(this.paths.pod(id), {
      metadata: {
        ...metadata,
        labels: { ...labels, "job-name": name },
        ownerReferences: [{ controller: true, kind: "Job", name }],
      },
      status: { phase: "terminated" in state ? "Failed" : "Running", containerStatuses: [{ name: MAIN_CONTAINER, state }] },
    });
    return this;
  }

  /** A volume that the namespace's workflows share; its claim goes with the namespace. @returns the paths of both */
  withSharedVolume(name: string): { readonly claim: string; readonly volume: string } {
    const { persistentVolume, claim } = this.#volume("shared", name);
    const paths = {
      claim: `/api/v1/namespaces/${this.namespace}/persistentvolumeclaims/${claim.metadata?.name}`,
      volume: `/api/v1/persistentvolumes/${persistentVolume.metadata?.name}`,
    };
    this.#put(paths.claim, { ...claim, status: { phase: "Bound" } });
    this.#put(paths.volume, { ...persistentVolume, status: { phase: "Bound" } });
    return paths;
  }

  #volume(kind: "workflow" | "shared" = "workflow", name = "workflow") {
    const source = { type: "nfs", server: "nfs.example.org", path: `/export/${this.id}` } as const;
    const spec = { name, kind, source, accessMode: "ReadWriteMany", capacity: "1Gi" } as const;
    const rest = { mountOptions: [], storageClassName: "", mountPath: this.directory };
    const { persistentVolume, claim } = desiredVolume(
      { ...spec, ...rest },
      this,
      { host: "engine-1", now: this.#since },
      { labels: {}, annotations: {} },
    );
    if (persistentVolume === undefined || claim === undefined) throw new Error("an NFS volume has both");
    return { persistentVolume, claim };
  }

  #put(path: string, object: { readonly metadata?: object; readonly spec?: object; readonly status?: object }): void {
    this.#cluster.put(path, { ...object, metadata: { creationTimestamp: this.#since.toISOString(), ...object.metadata } });
  }
}
