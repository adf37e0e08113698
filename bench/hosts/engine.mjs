// The load: what an engine, people and a portal do at random, on whichever host serves a workflow, and what was answered.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { jobScript } from "./jobScript.mjs";

const ACTIONS = { submit: 36, again: 10, cancel: 12, retry: 8, release: 8, sync: 14, signal: 12 };
/** What the portal writes into a row, by what stands there. */
const SIGNALS = {
  QUEUED: ["KILL", "REPLICATE", "RESCHEDULE"],
  RUNNING: ["KILL", "REPLICATE", "RESCHEDULE"],
  ERROR: ["RESCHEDULE", "REPLICATE"],
  ERROR_HELD: ["UNHOLD_ERROR", "KILL", "RESCHEDULE"],
  STALLED_HELD: ["UNHOLD_STALLED", "KILL"],
  DELETED: ["RESCHEDULE"],
};
export const SIGNAL_WORDS = ["REPLICATE", "KILL_REPLICA", "KILL", "RESCHEDULE", "UNHOLD_ERROR", "UNHOLD_STALLED"];
/** What runs of a script end with, one of each list. */
const CODES = [[0], [0], [0], [0, 0, 3], [0, 3], [1], [5, 7], [9]];
/** Share of actions that come from the host that does not serve the workflow. */
const ASTRAY = 0.12;

/**
 * @typedef {object} Asked something that was asked for an invocation
 * @property {string} what
 * @property {string} by host, or `portal`
 * @property {number} begun
 * @property {number} ended when it was answered; a signal is answered some time later
 * @property {number | null} code
 * @property {string} [attempt] whose row the signal was written in
 */

/**
 * @typedef {object} Job an invocation
 * @property {string} id
 * @property {string} directory
 * @property {string[]} accepted hosts that have accepted it
 * @property {Map<string, string>} refused the last refusal by host
 * @property {Asked[]} asked
 */

export class Engine {
  /** @type {Map<string, Job>} */
  jobs = new Map();
  counts = { actions: 0, handovers: 0, signals: 0 };
  #world;
  #hosts;
  #chance;
  /** Which host's engine serves a workflow. */
  #serving = new Map();
  /** Workflows whose scripts a host is to submit again, since it has begun to serve them. */
  #following = new Set();
  #busy = new Set();

  constructor(world, hosts, chance) {
    this.#world = world;
    this.#hosts = hosts;
    this.#chance = chance;
  }

  serve(directory, host) {
    this.#serving.set(directory, host);
    this.#following.add(directory);
  }

  /** One action of somebody. */
  async act() {
    const directory = this.#chance.one(this.#world.directories);
    const serving = this.#servingHost(directory);
    const other = this.#hosts.find((host) => host !== serving);
    if (serving.isDead) return;
    this.counts.actions++;
    if (this.#following.has(directory)) return await this.follow(directory, serving);
    const host = this.#chance.isLuck(ASTRAY) && !other.isDead ? other : serving;
    await this.#actOn(host, directory, this.#chance.weighed(ACTIONS));
  }

  /** An engine whose host died is begun again on the other one. */
  #servingHost(directory) {
    const host = this.#serving.get(directory);
    const other = this.#hosts.find((one) => one !== host);
    if (!host.isDead || other.isDead) return host;
    this.serve(directory, other);
    this.counts.handovers++;
    return other;
  }

  async #actOn(host, directory, action) {
    const known = [...this.jobs.values()].filter((job) => job.directory === directory);
    if (action === "submit") return await this.submit(host, this.#newJob(directory));
    if (action === "sync") return await host.run(directory, ["status", "--sync"]);
    if (action === "signal") return this.#signal(directory);
    if (known.length === 0) return;
    const job = this.#chance.one(known.slice(-12));
    if (action === "again") return await this.submit(host, job);
    const asked = { what: action, by: host.name, begun: Date.now(), ended: Number.POSITIVE_INFINITY, code: null };
    // A host that dies meanwhile may have done it.
    job.asked.push(asked);
    const { code, ended } = await host.run(directory, [action, job.id]);
    Object.assign(asked, { code, ended });
  }

  #newJob(directory) {
    const id = `j${this.jobs.size}-${path.basename(directory)}`;
    const seconds = this.#chance.whole(1, 20);
    this.#world.script(directory, id, jobScript(id, seconds, this.#chance.one(CODES)));
    const job = { id, directory, accepted: [], refused: new Map(), asked: [] };
    this.jobs.set(id, job);
    return job;
  }

  async submit(host, job) {
    const { code, stderr } = await host.run(job.directory, ["submit", `sh/${job.id}.sh`]);
    if (code === 0) job.accepted.push(host.name);
    else job.refused.set(host.name, stderr);
    return code;
  }

  /** Submits all scripts of a workflow again, as an engine does that was begun anew. */
  async follow(directory, host) {
    if (this.#busy.has(directory)) return undefined;
    this.#busy.add(directory);
    try {
      const jobs = [...this.jobs.values()].filter((job) => job.directory === directory);
      const file = path.join(host.folder, `${path.basename(directory)}.ndjson`);
      writeFileSync(file, jobs.map(({ id }) => `${JSON.stringify({ script: `sh/${id}.sh` })}\n`).join(""));
      const command = await host.run(directory, ["submit", "--from", file]);
      for (const line of command.stdout.split("\n").filter((text) => text !== "")) {
        const { line: number, error } = JSON.parse(line);
        const job = jobs[number - 1];
        if (error === undefined) job.accepted.push(host.name);
        else job.refused.set(host.name, error.message);
      }
      const isRefused = command.code !== 0 && /served from another state file/.test(command.stdout + command.stderr);
      if (command.code !== null && !isRefused) this.#following.delete(directory);
      return command;
    } finally {
      this.#busy.delete(directory);
    }
  }

  /** Writes a signal into some job's row, where none stands. */
  #signal(directory) {
    const rows = this.#world
      .query(
        "SELECT id, file_name AS job, status FROM Jobs WHERE simulation_id = ? ORDER BY creation DESC LIMIT 15",
        path.basename(directory),
      )
      .filter(({ status }) => status in SIGNALS);
    if (rows.length === 0) return;
    const { id, job, status } = this.#chance.one(rows);
    const what = this.#chance.one(SIGNALS[status]);
    const begun = Date.now();
    const [{ changes }] = this.#world.query("UPDATE Jobs SET status = ? WHERE id = ? AND status = ?", what, id, status);
    if (changes === 0) return;
    this.counts.signals++;
    this.jobs.get(job)?.asked.push({ what, by: "portal", begun, ended: Number.POSITIVE_INFINITY, code: null, attempt: id });
  }
}
