import { randomBytes, randomUUID } from "node:crypto";
import type { Identity } from "../servers/tls.ts";
import { ApiServer, type Controllers } from "./apiServer.ts";
import { type Ended, PodProcess } from "./node.ts";
import { type Item, now, Objects, Place } from "./objects.ts";

const NODE = "this-machine";
const IMAGES = /^localhost\/gasw-k8s\/bash:/;
/** CPUs that no node has. */
const TOO_MANY = 100;
const DEFAULT_GRACE_S = 30;

const PODS = "/api/v1/namespaces";
const keyOf = (path: string, name: string) => new Place(path).keyOf(name);
const podKey = ({ metadata: { namespace, name } }: Item) => keyOf(`${PODS}/${namespace}/pods`, name);
const jobKey = (namespace: string, name: string) => keyOf(`/apis/batch/v1/namespaces/${namespace}/jobs`, name);

/**
 * A cluster in this process, for what the cluster is not the subject of: Jobs make pods, pods are processes of this machine, claims are
 * bound at once. No quotas, no admission, no rights, no time of its own. The tests that run on it run on a real cluster, too (CI_FULL=1).
 */
export class LocalCluster implements Controllers {
  readonly #objects = new Objects();
  readonly #server: ApiServer;
  readonly #folder: string;
  readonly #processes = new Map<string, PodProcess>();
  readonly #printed = new Map<string, string>();
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param folder for volumes of pods */
  constructor(identity: Identity, folder: string) {
    this.#folder = folder;
    this.#server = new ApiServer(identity, this.#objects, this);
    for (const name of ["default", "kube-system"]) this.#objects.add(keyOf("/api/v1/namespaces", name), { metadata: { name } });
    const metadata = { name: NODE, labels: { "kubernetes.io/hostname": NODE } };
    this.#objects.add(keyOf("/api/v1/nodes", NODE), { metadata, status: { allocatable: { cpu: "4", memory: "8Gi" } } });
  }

  /** @returns the server's address */
  begin(): Promise<string> {
    return this.#server.listen();
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const running of this.#processes.values()) running.stop(0);
    this.#server.close();
  }

  log(namespace: string, pod: string): string | undefined {
    const key = keyOf(`${PODS}/${namespace}/pods`, pod);
    return this.#processes.get(key)?.printed ?? this.#printed.get(key);
  }

  admit(plural: string, object: Item): Item {
    const { namespace, name } = object.metadata;
    const uid = randomUUID();
    const made = { ...object, metadata: { uid, creationTimestamp: now(), ...object.metadata } };
    if (plural === "jobs") setImmediate(() => this.#sync(jobKey(namespace, name)));
    if (plural === "persistentvolumeclaims") setImmediate(() => this.#bind(namespace, name));
    if (plural === "persistentvolumes") return { ...made, status: { phase: "Available" } };
    if (plural === "namespaces") return { ...made, status: { phase: "Active" } };
    return made;
  }

  remove(place: Place, object: Item, options: { propagationPolicy?: string; gracePeriodSeconds?: number }): void {
    const { namespace, name, finalizers = [] } = object.metadata;
    const key = place.keyOf(name, namespace);
    if (finalizers.length > 0) {
      this.#objects.change(key, { metadata: { deletionTimestamp: now() } });
      return;
    }
    switch (place.plural) {
      case "pods":
        this.#stopPod(object, options.gracePeriodSeconds);
        break;
      case "jobs":
        this.#removeJob(key, object, options.propagationPolicy);
        break;
      case "namespaces":
        this.#removeNamespace(name);
        break;
      case "persistentvolumeclaims":
        this.#release(object);
        this.#objects.remove(key);
        break;
      default:
        this.#objects.remove(key);
    }
  }

  #removeJob(key: string, { metadata: { namespace, name } }: Item, propagationPolicy = "Background"): void {
    const pods = propagationPolicy === "Orphan" ? [] : this.#podsOf(namespace, name);
    if (pods.length === 0 || propagationPolicy !== "Foreground") this.#objects.remove(key);
    else this.#objects.change(key, { metadata: { deletionTimestamp: now() } });
    for (const pod of pods) this.#stopPod(pod);
  }

  #removeNamespace(name: string): void {
    for (const path of ["/apis/batch/v1", "/api/v1"])
      for (const plural of ["jobs", "pods", "persistentvolumeclaims", "events"]) {
        const place = new Place(`${path}/namespaces/${name}/${plural}`);
        for (const object of this.#objects.list(place)) this.remove(place, object, { gracePeriodSeconds: 0 });
      }
    this.#objects.remove(keyOf("/api/v1/namespaces", name));
  }

  // --- claims ---

  #bind(namespace: string, name: string): void {
    const key = keyOf(`${PODS}/${namespace}/persistentvolumeclaims`, name);
    const claim = this.#objects.get(key);
    const volume = keyOf("/api/v1/persistentvolumes", claim?.spec.volumeName ?? "");
    if (claim === undefined || this.#objects.get(volume) === undefined) return;
    const claimRef = { kind: "PersistentVolumeClaim", namespace, name, uid: claim.metadata.uid };
    const { capacity } = this.#objects.change(volume, { spec: { claimRef }, status: { phase: "Bound" } }).spec;
    this.#objects.change(key, { status: { phase: "Bound", capacity } });
  }

  #release(claim: Item): void {
    const volume = keyOf("/api/v1/persistentvolumes", claim.spec.volumeName ?? "");
    if (this.#objects.get(volume) !== undefined) this.#objects.change(volume, { status: { phase: "Released" } });
  }

  // --- Jobs ---

  #podsOf(namespace: string, job: string): Item[] {
    const pods = this.#objects.list(new Place(`${PODS}/${namespace}/pods`));
    return pods.filter(({ metadata }) => metadata.labels?.["job-name"] === job);
  }

  /** Brings a Job's pods into line with it. */
  #sync(key: string): void {
    const job = this.#objects.get(key);
    if (job === undefined || isOver(job)) return;
    const { namespace, name } = job.metadata;
    if (job.spec.suspend === true) {
      for (const pod of this.#podsOf(namespace, name)) this.#stopPod(pod);
      this.#objects.change(key, { status: { conditions: [condition("Suspended", "JobSuspended")], startTime: null } });
      return;
    }
    if (this.#podsOf(namespace, name).length === 0) this.#makePod(job);
  }

  #makePod(job: Item): void {
    const { namespace, name, uid } = job.metadata;
    const { metadata = {}, spec } = job.spec.template;
    const podName = `${name}-${randomBytes(3).toString("hex").slice(0, 5)}`;
    const labels = { ...metadata.labels, "job-name": name, "batch.kubernetes.io/job-name": name };
    const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name, uid, controller: true, blockOwnerDeletion: true }];
    const made = { metadata: { ...metadata, namespace, name: podName, labels, ownerReferences }, spec };
    const key = podKey(made);
    const pod = this.#objects.add(key, { ...made, status: { phase: "Pending" } });
    this.#objects.change(jobKey(namespace, name), { status: { active: 1, startTime: now() } });
    this.#schedule(key, pod);
  }

  #schedule(key: string, pod: Item): void {
    const [{ image, resources = {} }] = pod.spec.containers;
    const isTooBig = Number.parseFloat(resources.requests?.cpu ?? "0") >= TOO_MANY && !/m$/.test(resources.requests?.cpu);
    if (isTooBig || Object.keys(pod.spec.nodeSelector ?? {}).length > 0) {
      const message = `0/1 nodes are available: 1 ${isTooBig ? "Insufficient cpu" : "node(s) didn't match Pod's node affinity/selector"}. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.`;
      this.#objects.change(key, { status: { conditions: [{ ...condition("PodScheduled", "Unschedulable", message), status: "False" }] } });
      return;
    }
    const scheduled = { spec: { nodeName: NODE }, status: { conditions: [condition("PodScheduled", "")], startTime: now() } };
    this.#objects.change(key, scheduled);
    if (IMAGES.test(image)) this.#run(key);
    else this.#refuseImage(key, image);
  }

  #refuseImage(key: string, image: string): void {
    const isName = image === image.toLowerCase();
    const waiting = isName
      ? { reason: "ErrImagePull", message: `failed to pull and unpack image "${image}": connection refused` }
      : { reason: "InvalidImageName", message: `Failed to apply default image tag "${image}": couldn't parse image name` };
    this.#objects.change(key, { status: { containerStatuses: [containerStatus({ waiting })] } });
  }

  // --- pods ---

  #run(key: string): void {
    const pod = this.#objects.get(key);
    const running = new PodProcess(pod, this.#folder, (ended) => this.#ended(key, ended));
    this.#processes.set(key, running);
    const state = { running: { startedAt: running.startedAt } };
    this.#objects.change(key, { status: { phase: "Running", containerStatuses: [containerStatus(state)] } });
    const limit = pod.spec.activeDeadlineSeconds;
    if (limit !== undefined) this.#after(limit, () => this.#overdue(key));
  }

  #overdue(key: string): void {
    if (!this.#processes.has(key)) return;
    this.#objects.change(key, {
      status: { phase: "Failed", reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" },
    });
    this.#processes.get(key)?.stop(DEFAULT_GRACE_S);
  }

  #ended(key: string, ended: Ended): void {
    this.#printed.set(key, this.#processes.get(key)?.printed ?? "");
    this.#processes.delete(key);
    const pod = this.#objects.get(key);
    if (pod === undefined) return;
    const terminated = { ...ended, reason: ended.exitCode === 0 ? "Completed" : "Error" };
    const phase = ended.exitCode === 0 && pod.status.reason === undefined ? "Succeeded" : "Failed";
    const containerStatuses = [containerStatus({ terminated })];
    const seen = this.#objects.change(key, { status: { phase, containerStatuses } });
    if (pod.metadata.deletionTimestamp !== undefined) this.#gone(seen);
    this.#finish(seen, phase);
  }

  /** Removes a pod's object, and the Job that waits for that. */
  #gone(pod: Item): void {
    const { namespace, labels = {} } = pod.metadata;
    this.#objects.remove(podKey(pod));
    const key = jobKey(namespace, labels["job-name"]);
    const job = this.#objects.get(key);
    if (job?.metadata.deletionTimestamp !== undefined && (job.metadata.finalizers ?? []).length === 0) this.#objects.remove(key);
  }

  /** The end of a Job's pod is the Job's. */
  #finish(pod: Item, phase: string): void {
    const { namespace, labels = {} } = pod.metadata;
    const key = jobKey(namespace, labels["job-name"]);
    const job = this.#objects.get(key);
    if (job === undefined || isOver(job) || job.spec.suspend === true) return;
    const status =
      phase === "Succeeded"
        ? { active: 0, succeeded: 1, completionTime: now(), conditions: [condition("Complete", "CompletionsReached")] }
        : {
            active: 0,
            failed: 1,
            conditions: [condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")],
          };
    this.#objects.change(key, { status });
    const ttl = job.spec.ttlSecondsAfterFinished;
    if (ttl !== undefined) this.#after(ttl, () => this.#expire(key, job.metadata.uid));
  }

  #expire(key: string, uid: string): void {
    const job = this.#objects.get(key);
    if (job?.metadata.uid !== uid) return;
    this.remove(new Place(`/apis/batch/v1/namespaces/${job.metadata.namespace}/jobs`), job, {});
  }

  #stopPod(pod: Item, given?: number): void {
    const grace = given ?? pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_S;
    const key = podKey(pod);
    const running = this.#processes.get(key);
    const seen = this.#objects.change(key, { metadata: { deletionTimestamp: now(), deletionGracePeriodSeconds: grace } });
    running?.stop(grace);
    if (running !== undefined || seen === undefined) return;
    this.#gone(seen);
    if (seen.status?.phase === "Pending") this.#finish(seen, "Failed");
  }

  #after(seconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, seconds * 1000);
    this.#timers.add(timer);
  }
}

function isOver({ status = {} }: Item): boolean {
  return (status.conditions ?? []).some(({ type }: Item) => type === "Complete" || type === "Failed");
}

function condition(type: string, reason: string, message = "") {
  return { type, status: "True", reason, message, lastTransitionTime: now() };
}

function containerStatus(state: object): object {
  return { name: "job", ready: false, restartCount: 0, state };
}
