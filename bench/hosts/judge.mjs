// What must hold at the end, whatever has happened: each violation is one line.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { SIGNAL_WORDS } from "./engine.mjs";
import { runsOf } from "./jobScript.mjs";

const FINAL = new Set(["COMPLETED", "CANCELLED", "DELETED", "DELETED_REPLICA", "ERROR_HELD", "STALLED_HELD"]);
const KILLS = new Set(["cancel", "KILL"]);
const RERUNS = new Set(["retry", "release", "REPLICATE", "RESCHEDULE", "UNHOLD_ERROR", "UNHOLD_STALLED"]);
/** Milliseconds until the cluster tells of what a pod has done, on a busy machine. */
const NOTICE_MS = 15_000;
/** Milliseconds that a removed pod may go on: its grace period, and the kubelet's own time. */
const STOPPING_MS = 30_000;
/** Milliseconds until a signal in a row is answered: a dead host, then the minute of silence. */
const SIGNAL_MS = 180_000;

/** All attempts that a host's state knows, by workflow directory. */
export function rowsIn({ stateFile, name }) {
  const database = new Database(stateFile, { readonly: true });
  try {
    const sql = `SELECT jobs.id, file_name AS job, attempt, kube_name AS kubeName, status, exit_code AS code, reason, message, stage IN ('held', 'over') AS settled, directory
      FROM jobs JOIN workflows ON workflows.key = jobs.workflow ORDER BY attempt`;
    /** @type {any[]} */
    const rows = database.prepare(sql).all();
    return rows.map((row, _, all) => ({
      ...row,
      host: name,
      isFollowed: all.some(({ job, attempt }) => job === row.job && attempt > row.attempt),
    }));
  } finally {
    database.close();
  }
}

export class Judge {
  /** @type {string[]} */
  violations = [];
  #world;
  #engine;
  #rows;
  #last;
  #runs;
  /** Statuses in the GASW database, by id. */
  #shown;

  /** @param last the host that serves everything at the end: what it knows counts */
  constructor(world, engine, hosts, last) {
    this.#world = world;
    this.#engine = engine;
    this.#last = last;
    const all = [last, ...hosts.filter((host) => host !== last)].flatMap(rowsIn);
    this.#rows = [...groupBy(all, ({ kubeName }) => kubeName).values()].map(([first]) => first);
    this.#runs = world.directories.flatMap(runsOf);
    this.#shown = new Map(world.query("SELECT id, status FROM Jobs").map(({ id, status }) => [id, status]));
  }

  get runs() {
    return this.#runs;
  }

  all() {
    for (const job of this.#engine.jobs.values()) {
      this.#judgeAcceptance(job);
      this.#judgeRuns(job);
      for (const kill of job.asked.filter(({ what, code }) => what === "cancel" && code === 0)) this.#judgeCancel(job, kill);
    }
    for (const row of this.#rows) if (!this.#isUnheardOf(row)) this.#judgeRow(row);
    for (const directory of this.#world.directories) this.#judgeDirectory(directory);
    this.#judgeDatabase();
  }

  #complain(text) {
    this.violations.push(text);
  }

  #rowsOf({ id }) {
    return this.#rows.filter((row) => row.job === id);
  }

  #runsOfAttempt({ kubeName }) {
    return this.#runs.filter(({ pod }) => attemptOf(pod) === kubeName);
  }

  /** No accepted job is missing. */
  #judgeAcceptance(job) {
    if (job.accepted.length === 0) return;
    const rows = this.#rowsOf(job);
    const isKnown = rows.some(({ host }) => host === this.#last.name);
    // What has run under the other host's eyes, and is over, is refused with that reason: the other's word counts.
    if (!isKnown && !/has run before|was killed|has completed/.test(job.refused.get(this.#last.name) ?? ""))
      this.#complain(`${job.id} was accepted by ${job.accepted}, and host ${this.#last.name} knows nothing of it`);
  }

  /** Each attempt runs in one pod, for each time that it was to run; never two of an invocation at once, none that nobody has written down. */
  #judgeRuns(job) {
    const runs = this.#runs.filter((run) => run.job === job.id);
    for (const [attempt, pods] of groupBy(runs, ({ pod }) => attemptOf(pod))) {
      const row = this.#rows.find(({ kubeName }) => kubeName === attempt);
      if (row === undefined) this.#complain(`${pods[0].pod} has run, and no state knows its attempt`);
      const again = job.asked.filter(({ what, attempt: id }) => what === "RESCHEDULE" && id === row?.id).length;
      if (pods.length > 1 + again)
        this.#complain(
          `${row?.id ?? attempt} has run ${pods.length} times, and was to run ${1 + again} times: ${pods.map(({ pod }) => pod)}`,
        );
    }
    for (const [index, run] of runs.entries()) {
      const earlier = runs.slice(0, index).find(({ last }) => last > run.begin);
      if (earlier !== undefined) this.#complain(`${run.pod} began while ${earlier.pod} ran`);
    }
  }

  /** Whether somebody asked for one more run that may have been answered after a kill. */
  #isAskedAgain(job, kill) {
    return job.asked.some(({ what, by, begun, ended }) => {
      if (!RERUNS.has(what)) return false;
      return by === "portal" ? begun >= kill.begun - SIGNAL_MS : ended >= kill.begun;
    });
  }

  /** A kill that was answered is one. */
  #judgeCancel(job, kill) {
    if (this.#isAskedAgain(job, kill)) return;
    for (const run of this.#runs.filter((one) => one.job === job.id)) {
      const late = run.begin > kill.ended ? run.begin : run.last - STOPPING_MS;
      if (late > kill.ended) this.#complain(`${run.pod} ran ${seconds(late - kill.ended)} s after its cancel was answered by ${kill.by}`);
    }
    const newest = this.#rowsOf(job)
      .filter((row) => !this.#isUnheardOf(row))
      .toSorted((a, b) => a.attempt - b.attempt)
      .at(-1);
    if (newest !== undefined && !["DELETED", "COMPLETED", "CANCELLED", "DELETED_REPLICA"].includes(newest.status))
      this.#complain(`${told(newest)}: it was cancelled`);
  }

  /**
   * Whether the host that died had written an attempt down a moment before, and told nobody: neither the cluster nor the GASW database has
   * heard of it, so that no other host can. It has not run, and whoever asked for it was told that it was not submitted yet.
   */
  #isUnheardOf(row) {
    const isElsewhere = row.host !== this.#last.name && row.attempt > 0 && row.status === "NOT_SUBMITTED";
    return isElsewhere && !this.#shown.has(row.id) && this.#runsOfAttempt(row).length === 0;
  }

  get unheardOf() {
    return this.#rows.filter((row) => this.#isUnheardOf(row)).length;
  }

  /** An attempt's status is what its last run came to, unless somebody wanted it otherwise. */
  #judgeRow(row) {
    const job = this.#engine.jobs.get(row.job);
    if (job === undefined) return;
    const run = this.#runsOfAttempt(row).at(-1);
    const asked = (kinds) => job.asked.filter(({ what }) => kinds.has(what));
    const hasCompleted = this.#rowsOf(job).some(({ status, id }) => status === "COMPLETED" && id !== row.id);
    // Each has come to an end or waits for a person; a failure is followed by another attempt.
    const isOver = FINAL.has(row.status) || (row.isFollowed && (row.status === "ERROR" || row.status === "STALLED"));
    if (!isOver) return this.#complain(`${told(row)}: it is not over`);
    if (row.status === "DELETED" && asked(KILLS).length === 0) this.#complain(`${told(row)}: nobody has killed it`);
    if (row.status === "DELETED_REPLICA" && !hasCompleted) this.#complain(`${told(row)}: no other attempt has completed`);
    if (run === undefined) return this.#judgeUnrun(row);
    if (row.status === "DELETED" || row.status === "DELETED_REPLICA") {
      // What had succeeded before anybody said a word is a success.
      const inTime = asked(new Set([...KILLS, "RESCHEDULE"])).some(({ begun }) => begun <= run.last + NOTICE_MS);
      if (run.code === 0 && !inTime && !hasCompleted) this.#complain(`${told(row)}: ${run.pod} had ended with 0 before its kill`);
    } else if (typeof run.code !== "number") {
      const isStopped = asked(new Set([...KILLS, "RESCHEDULE"])).length > 0;
      if (row.status === "COMPLETED" || !isStopped) this.#complain(`${told(row)}: ${run.pod} was stopped, or cut off`);
    } else if (!agrees(row, run.code)) this.#complain(`${told(row)}: ${run.pod} ended with ${run.code}`);
  }

  #judgeUnrun(row) {
    if (row.status === "COMPLETED" || row.status === "CANCELLED") this.#complain(`${told(row)}: it has never run`);
    else if (!row.status.startsWith("DELETED")) this.#complain(`${told(row)}: it has never run, and nobody has killed it`);
  }

  /** Nothing of the engine's is gone, and every run that ended has left its streams. */
  #judgeDirectory(directory) {
    for (const name of this.#world.spoilt(directory)) this.#complain(`${path.join(directory, name)} was removed or changed`);
    const out = path.join(directory, "out");
    const streams = readdirSync(out);
    const runs = runsOf(directory).filter(({ code }) => typeof code === "number");
    for (const { job, pod, code } of runs) {
      // A run of the same attempt that came later has taken its place.
      const isReplaced = runs.some((other) => other.pod !== pod && attemptOf(other.pod) === attemptOf(pod));
      const texts = streams.filter((name) => name.startsWith(`${job}.sh.out`)).map((name) => readFileSync(path.join(out, name), "utf8"));
      const isKept = texts.some((text) => text.startsWith(`pod ${pod}\n`) && text.includes(`\nExiting with return value ${code}\n`));
      if (!isKept && !isReplaced) this.#complain(`the output of ${pod} is lost`);
    }
  }

  /** What users see is what has become of the jobs, and no word of theirs is left unanswered. */
  #judgeDatabase() {
    const shown = new Map(this.#shown);
    for (const row of this.#rows.filter((one) => !this.#isUnheardOf(one))) {
      const status = shown.get(row.id);
      if (SIGNAL_WORDS.includes(status)) this.#complain(`${row.id}: the signal ${status} was never answered (${row.status})`);
      else if (status !== row.status) this.#complain(`${told(row)}: the GASW database shows ${status}`);
      shown.delete(row.id);
    }
    for (const [id, status] of shown) this.#complain(`the GASW database shows ${id} as ${status}, and no state knows it`);
  }

  /** Each state tells each invocation once. */
  told(host) {
    for (const [directory, results] of host.results) {
      for (const [id, lines] of groupBy(results, (result) => result.id))
        if (lines.length > 1) this.#complain(`host ${host.name} has told ${id} of ${directory} ${lines.length} times`);
    }
  }

  /** A command ends with 0 or says why not, in words that fit what was wrong at the time. */
  answers({ name, commands, faults }) {
    const wasWrong = (kind, { begun, ended }) =>
      faults.some((fault) => fault.kind === kind && fault.begun <= ended && fault.ended >= begun);
    const odd = commands.filter((command) => {
      const { code, args } = command;
      const isFitting =
        code === 0 ||
        code === null ||
        code === 7 ||
        (code === 6 && ["cancel", "retry", "release", "monitor", "status"].includes(args[0])) ||
        (code === 3 && wasWrong("otherCluster", command)) ||
        (code === 4 && args[0] === "monitor" && wasWrong("revocation", command));
      return !isFitting;
    });
    for (const [words, same] of groupBy(odd, ({ args, code, stderr }) => `${args[0]} ended with ${code}: ${firstLine(stderr)}`))
      this.#complain(`host ${name}: ${same[0].args.slice(0, 2).join(" ")}: ${words}${same.length === 1 ? "" : ` (${same.length} times)`}`);
  }
}

/** @template T @param {readonly T[]} items @param {(item: T) => string} keyOf @returns {Map<string, T[]>} */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Name of the Job whose pod this is. */
function attemptOf(pod) {
  return pod.slice(0, pod.lastIndexOf("-"));
}

function agrees({ status, code }, ended) {
  if (ended === 0) return status === "COMPLETED" && code === 0;
  if (ended === 9) return status === "CANCELLED";
  return (status === "ERROR" || status === "ERROR_HELD") && code === ended;
}

function told({ id, status, code, reason, host, message }) {
  return `${id} is ${status}${code === null ? "" : ` (${code})`}${reason === null ? "" : `, ${reason}`} on host ${host}${message ? ` [${message}]` : ""}`;
}

function seconds(milliseconds) {
  return Math.round(milliseconds / 1000);
}

function firstLine(text) {
  return text.split("\n").findLast((line) => line.startsWith("error:")) ?? text.slice(0, 200);
}
