// What must hold, whatever has happened: each violation is one line.
import { existsSync } from "node:fs";
import { identityOf } from "./identity.mjs";

const KEYS = {
  managedBy: "app.kubernetes.io/managed-by",
  workflow: "gasw-k8s.io/workflow",
  job: "gasw-k8s.io/job",
};
/** Seconds of silence after which an owner counts as gone; the API server's stamps have whole ones. */
const SILENCE_S = 60;

/** @typedef {import("./record.mjs").Event} Event */

export class Judge {
  /** @type {string[]} */
  violations = [];
  counts = { takeovers: 0, "jobs removed before they ran": 0 };
  #events;
  #engines;
  #sweepers;
  /** What each state file is called, by its id. */
  #holders;
  /** Events of each object, by its uid. @type {Map<string, Event[]>} */
  #histories;
  /** Names of objects that nobody may touch. */
  #foreign;

  constructor(events, engines, sweepers, foreign) {
    this.#events = events;
    this.#engines = engines;
    this.#sweepers = sweepers;
    this.#foreign = new Set(foreign.map(({ metadata }) => metadata.name));
    this.#histories = groupBy(events, ({ object }) => object.metadata.uid);
    const hosts = [...engines, ...sweepers].map(({ host }) => host);
    this.#holders = new Map(hosts.filter(({ stateFile }) => existsSync(stateFile)).map((host) => [identityOf(host), host.name]));
  }

  all() {
    for (const history of this.#histories.values()) {
      if (this.#foreign.has(nameOf(history[0]))) this.#judgeForeign(history);
      else if (!hasController(history[0])) this.#judgeDeletion(history);
    }
    for (const engine of this.#engines) {
      this.#judgeTakeovers(engine);
      for (const submission of engine.submissions) this.#judgeSubmission(engine, submission);
    }
    for (const sweeper of this.#sweepers) for (const command of sweeper.commands) this.#judgeSweep(sweeper, command);
    this.#judgeEnd();
  }

  #complain(text) {
    this.violations.push(text);
  }

  /** Nobody touches what is not the tool's own, but the cluster itself. */
  #judgeForeign(history) {
    const [first] = history;
    const last = history.at(-1);
    if (history.some((event) => isGoing(event))) this.#complain(`${told(first)}, which is foreign, was deleted`);
    else if (marksOf(first) !== marksOf(last)) this.#complain(`${told(first)}, which is foreign, was changed`);
  }

  /** Only what is a sweeper's at that moment is deleted, or what is nobody's. */
  #judgeDeletion(history) {
    const deletion = history.find(isGoing);
    if (deletion === undefined) return;
    if (this.#isTakenBack(history)) return;
    const holder = this.#holderAt(deletion.object, deletion.revision);
    if (holder?.startsWith("engine-"))
      this.#complain(`${told(deletion)} was deleted at ${deletion.revision} while ${holder} held its workflow`);
  }

  /** Whether it is the Job of a submission that was refused once it was made, and that has removed it itself. */
  #isTakenBack(history) {
    const [{ kind, object }] = history;
    const engine = this.#engines.find(({ id }) => id === object.metadata.annotations?.[KEYS.workflow]);
    const submission = engine?.submissions.find(({ job }) => job === object.metadata.annotations[KEYS.job]);
    if (kind !== "Job" || submission === undefined) return false;
    const refused = submission.commands.filter(({ code }) => code === 7).length;
    const made = this.#jobsOf(engine, submission);
    const isAccepted = submission.commands.some(({ code }) => code === 0) && history === made.at(-1);
    return !isAccepted && made.length - 1 <= refused && refused > 0;
  }

  /** The Jobs that were made for a submission, one after the other. */
  #jobsOf(engine, { job }) {
    return [...this.#histories.values()].filter(
      ([{ kind, object }]) => kind === "Job" && isOf(object, engine) && object.metadata.annotations[KEYS.job] === job,
    );
  }

  /** An owner is followed only after its silence. */
  #judgeTakeovers(engine) {
    let last;
    for (const { type, object } of this.#leases(engine)) {
      const [from, to] = [last, object].map((lease) => lease && this.#nameOfHolder(lease));
      if (type !== "DELETED" && last !== undefined && from !== to) {
        this.counts.takeovers++;
        const silence = (spoke(object) - spoke(last)) / 1000;
        if (silence < SILENCE_S) this.#complain(`${to} took ${engine.id} over from ${from} after ${silence} s of silence`);
      }
      last = type === "DELETED" ? undefined : object;
    }
  }

  /** What was accepted is made, and is not removed before it has ended, unless its engine was silent before it ran. */
  #judgeSubmission(engine, submission) {
    const { job, commands } = submission;
    for (const command of commands)
      if (!isAnswer(command)) this.#complain(`submit of ${engine.id}/${job} ended with ${command.code}: ${lastLine(command.stderr)}`);
    const accepted = commands.find(({ code }) => code === 0);
    if (accepted === undefined) return;
    if (accepted.stdout.trim() !== job) this.#complain(`submit of ${engine.id}/${job} printed ${accepted.stdout.trim()}`);
    const made = this.#jobsOf(engine, submission);
    const history = made.pop();
    if (history === undefined) return this.#complain(`${engine.id}/${job} was accepted, and never made`);
    if (!made.every((one) => this.#isTakenBack(one))) this.#complain(`${engine.id}/${job} was made ${made.length + 1} times`);
    const deletion = history.find(isGoing);
    if (deletion === undefined || hasEnded(deletion.object)) return;
    this.counts["jobs removed before they ran"]++;
    const taken = this.#leases(engine).findLast(
      ({ revision, object }) => revision < deletion.revision && object.metadata.annotations?.["gasw-k8s.io/cleaned"],
    );
    const ran = this.#events.find(
      ({ kind, object }) => kind === "Pod" && object.status?.phase === "Running" && isPodOf(object, history[0].object),
    );
    if (history[0].revision > (taken?.revision ?? 0)) this.#complain(`${engine.id}/${job} was accepted during a sweep, and removed by it`);
    if (ran !== undefined && ran.revision < (taken?.revision ?? Number.POSITIVE_INFINITY))
      this.#complain(`${engine.id}/${job} was removed while it ran`);
  }

  #judgeSweep({ host }, { args, code, stderr, wasStopped }) {
    if (code !== 0 && !(code === 4 && wasStopped))
      this.#complain(`${host.name}: ${args.join(" ")} ended with ${code}: ${lastLine(stderr)}`);
  }

  /** One sweep after all have gone leaves nothing of the tool, and everything else. */
  #judgeEnd() {
    const last = [...this.#histories.values()].map((history) => history[history.length - 1]).filter(({ type }) => type !== "DELETED");
    for (const event of last)
      if (!this.#foreign.has(nameOf(event)) && isLabelled(event)) this.#complain(`the last sweep has left ${told(event)}`);
    const there = new Set(last.map(nameOf));
    for (const name of this.#foreign) if (!there.has(name)) this.#complain(`${name}, which is foreign, is gone`);
  }

  /** Who holds the workflow of an object just before a revision. */
  #holderAt({ metadata, spec }, revision) {
    const namespace = metadata.namespace ?? spec?.claimRef?.namespace;
    const lease = this.#leases({ id: metadata.annotations?.[KEYS.workflow], namespace }).findLast((event) => event.revision < revision);
    return lease === undefined || lease.type === "DELETED" ? undefined : this.#nameOfHolder(lease.object);
  }

  #nameOfHolder({ spec }) {
    return this.#holders.get(spec.holderIdentity) ?? "nobody";
  }

  #leases(workflow) {
    return this.#events.filter(({ kind, object }) => kind === "Lease" && isOf(object, workflow));
  }

  summary() {
    const submits = this.#engines.flatMap(({ submissions }) => submissions.flatMap(({ commands }) => commands));
    const codes = (code) => submits.filter((command) => command.code === code).length;
    const sweeps = this.#sweepers.flatMap(({ commands }) => commands);
    const counts = {
      submits: submits.length,
      accepted: codes(0),
      refused: codes(7),
      killed: codes(null),
      stopped: submits.filter(({ wasStopped }) => wasStopped).length,
      sweeps: sweeps.length,
      "sweeps stopped": sweeps.filter(({ wasStopped }) => wasStopped).length,
      "objects removed": [...this.#histories.values()].filter((history) => history.some(isGoing)).length,
      "left because they changed or are served": sweeps.flatMap(({ stdout }) => parsed(stdout).left ?? []).length,
      ...this.counts,
    };
    return Object.entries(counts)
      .map(([name, count]) => `${name}: ${count}`)
      .join(", ");
  }
}

/** Whether a submission has ended in a way that its engine can go on from; after a stop, its connections may be gone. */
function isAnswer({ code, wasStopped }) {
  return code === 0 || code === 7 || code === null || (code === 4 && wasStopped);
}

function isOf({ metadata }, { id, namespace }) {
  return metadata.namespace === namespace && metadata.annotations?.[KEYS.workflow] === id;
}

function isPodOf({ metadata }, job) {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uid === job.metadata.uid);
}

function hasController({ object }) {
  return (object.metadata.ownerReferences ?? []).some(({ controller }) => controller === true);
}

function isGoing({ type, object }) {
  return type === "DELETED" || object.metadata.deletionTimestamp !== undefined;
}

function isLabelled({ object }) {
  return object.metadata.labels?.[KEYS.managedBy] === "gasw-k8s";
}

function hasEnded({ status }) {
  return (status?.conditions ?? []).some(({ type, status: holds }) => (type === "Complete" || type === "Failed") && holds === "True");
}

/** When its holder spoke last, by the API server's clock. */
function spoke({ metadata }) {
  const stamps = (metadata.managedFields ?? []).filter(({ fieldsV1 }) => "f:renewTime" in (fieldsV1?.["f:spec"] ?? {}));
  return Math.max(...stamps.map(({ time }) => Date.parse(time)));
}

/** What the cluster does not change of its own. */
function marksOf({ object }) {
  const { labels, annotations } = object.metadata;
  return JSON.stringify([labels, annotations, object.spec]);
}

function nameOf({ object }) {
  return object.metadata.name;
}

function told({ kind, object }) {
  return `${kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}

function lastLine(text) {
  return text.split("\n").findLast((line) => line.startsWith("error:")) ?? text.slice(-300);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** @template T @param {readonly T[]} items @param {(item: T) => string} keyOf @returns {Map<string, T[]>} */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
