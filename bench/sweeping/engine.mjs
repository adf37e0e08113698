// Engines: each serves one workflow, in one of the ways in which an engine may live and die.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** How engines live, one after the other. */
export const LIVES = ["steady", "dying", "returning", "stalled", "forgetful"];
/** Milliseconds after which an engine counts as gone, and a few more. */
const SILENCE_MS = 60_000;
/** Milliseconds that a submission takes: it is killed, or stopped, within. */
const WINDOW_MS = [80, 900];

/** Milliseconds after which a submission that was refused is tried again. */
const AGAIN_MS = [2000, 6000];

/**
 * @typedef {object} Submission
 * @property {string} job
 * @property {import("./world.mjs").Command[]} commands
 */

export class Engine {
  /** @type {Submission[]} */
  submissions = [];
  /** Whether it has submitted for the last time. */
  isOver = false;
  #world;
  #chance;
  #signal;

  /** @param {AbortSignal} signal that the time is over */
  constructor(world, chance, { id, namespace, life, isWaiting = false }, signal) {
    this.#world = world;
    this.#chance = chance;
    this.#signal = signal;
    this.id = id;
    this.namespace = namespace;
    this.life = life;
    this.directory = world.directory(id);
    // No node matches: its jobs wait until somebody removes them.
    const config = isWaiting ? { nodeSelector: { sweeping: "nowhere" } } : {};
    this.host = world.host(`engine-${id}`, "gasw-k8s-engine", { k8sNamespace: namespace, ...config });
  }

  async live() {
    try {
      await this.#pause(0, 15_000);
      await this[`_${this.life}`]();
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    } finally {
      this.isOver = true;
    }
  }

  /** Submits now and then, and looks after its jobs in between: nobody may touch anything of it. */
  async _steady() {
    for (;;) {
      await this.submit();
      await this.#pause(5000, 18_000);
      await this.#world.run(this.host, this.directory, ["status", "--sync"]);
      await this.#pause(5000, 18_000);
    }
  }

  /** Is killed in the midst of a submission, for good. */
  async _dying() {
    for (let left = this.#chance.whole(0, 2); left > 0; left--) {
      await this.submit();
      await this.#pause(1000, 10_000);
    }
    await this.submit({ kind: "kill", after: this.#chance.between(...WINDOW_MS) });
  }

  /** Is silent for about as long as makes others think it is gone, again and again. */
  async _returning() {
    for (;;) {
      await Promise.all([this.submit(), this.submit()]);
      await this.#pause(SILENCE_MS - 5000, SILENCE_MS + 12_000);
    }
  }

  /** Is stopped in the midst of a submission, for longer than others wait for it, and goes on. */
  async _stalled() {
    for (;;) {
      await this.submit();
      await this.#pause(1000, 8000);
      const lasting = this.#chance.between(SILENCE_MS + 1000, SILENCE_MS + 12_000);
      await this.submit({ kind: "stop", after: this.#chance.between(...WINDOW_MS), lasting });
    }
  }

  /** Has its jobs run, and never cleans up. */
  async _forgetful() {
    const jobs = await Promise.all([this.submit(), this.submit()]);
    await this.#world.run(this.host, this.directory, ["wait", ...jobs, "--wait-timeout", "60s"]);
  }

  /** What a submission would make. */
  async dryRun() {
    const script = path.join(this.directory, "sh", "dry.sh");
    writeFileSync(script, "true\n");
    return (await this.#world.run(this.host, this.directory, ["submit", "--dry-run", script])).stdout;
  }

  /** @param {import("./world.mjs").Fault} [fault] */
  async submit(fault) {
    this.#signal.throwIfAborted();
    const job = `j${this.submissions.length}`;
    /** @type {Submission} */
    const submission = { job, commands: [] };
    this.submissions.push(submission);
    const script = path.join(this.directory, "sh", `${job}.sh`);
    writeFileSync(script, `sleep ${this.#chance.whole(0, 20)}\n`);
    const once = async (given) => {
      const command = await this.#world.run(this.host, this.directory, ["submit", script], given);
      submission.commands.push(command);
      return command;
    };
    // While somebody else serves the workflow.
    for (let command = await once(fault); command.code === 7; command = await once(undefined)) await this.#pause(...AGAIN_MS);
    return job;
  }

  #pause(least, most) {
    return pause(this.#chance.between(least, most), undefined, { signal: this.#signal });
  }
}
