// What happened in the cluster, in its own order: the versions of all objects are revisions of one store.
const COLLECTIONS = {
  Lease: "/apis/coordination.k8s.io/v1/leases",
  PersistentVolumeClaim: "/api/v1/persistentvolumeclaims",
  PersistentVolume: "/api/v1/persistentvolumes",
  Job: "/apis/batch/v1/jobs",
  Pod: "/api/v1/pods",
};

/**
 * @typedef {object} Event
 * @property {string} kind
 * @property {"ADDED" | "MODIFIED" | "DELETED"} type
 * @property {number} revision
 * @property {any} object
 */

export class Record {
  /** @type {Event[]} */
  #events = [];
  /** A watch that ended before the run. @type {Error | undefined} */
  #failure;
  #isOver = false;
  /** Called with each event, as it is heard of. @type {((event: Event) => void)[]} */
  listeners = [];

  constructor(world) {
    for (const [kind, collection] of Object.entries(COLLECTIONS)) {
      let rest = "";
      const watch = world.watch(collection);
      watch.stdout.setEncoding("utf8").on("data", (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#note(kind, JSON.parse(line), world.namespaces);
      });
      watch.on("close", () => {
        if (!this.#isOver) this.#failure = new Error(`the watch of ${collection} has ended`);
      });
    }
  }

  #note(kind, { type, object }, namespaces) {
    const namespace = kind === "PersistentVolume" ? object.spec?.claimRef?.namespace : object.metadata?.namespace;
    const isOurs = namespaces.includes(namespace) || namespaces.some((name) => object.metadata?.name?.startsWith(name));
    if (!isOurs) return;
    const event = { kind, type, object, revision: Number(object.metadata.resourceVersion) };
    this.#events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  /** All events so far, in the order in which they happened. @returns {Event[]} */
  events() {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#events.toSorted((a, b) => a.revision - b.revision);
  }

  end() {
    this.#isOver = true;
  }
}
