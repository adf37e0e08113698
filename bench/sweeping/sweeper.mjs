// Sweepers: administrators on hosts of their own, who remove what is left behind again and again. Some are killed, or stopped for a while,
// where it matters most: once they have begun to remove.
import { existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { identityOf } from "./identity.mjs";

/** Never without a namespace of this run: others may use the cluster. The age protects nothing. */
const sweepOf = (namespace) => ["cleanup", "--orphaned", "--yes", "--older-than", "0s", "-n", namespace, "-o", "json"];
const FAULTS = { none: 50, kill: 20, stop: 30 };
/** Milliseconds that a removal takes: it is killed, or stopped, within. */
const WINDOW_MS = 1500;
/** Milliseconds that it is stopped for: its silence makes others take over. */
const STOPPED_MS = [61_000, 80_000];

export class Sweeper {
  /** @type {import("./world.mjs").Command[]} */
  commands = [];
  #world;
  #chance;
  /** Called once a sweep has taken a workflow over. @type {() => void} */
  #onTakeover = () => undefined;

  constructor(world, record, chance, name) {
    this.#world = world;
    this.#chance = chance;
    this.host = world.host(name, "gasw-k8s-admin", { k8sNamespace: world.namespaces[0] });
    record.listeners.push(({ kind, type, object }) => {
      if (kind === "Lease" && type !== "DELETED" && this.#isHolder(object)) this.#onTakeover();
    });
  }

  #isHolder({ spec }) {
    return existsSync(this.host.stateFile) && spec.holderIdentity === identityOf(this.host);
  }

  /** @param {AbortSignal} signal that the time is over */
  async sweepOn(signal) {
    while (!signal.aborted) {
      const kind = this.#chance.weighed(FAULTS);
      const fault = { kind, after: this.#chance.between(0, WINDOW_MS), lasting: this.#chance.between(...STOPPED_MS) };
      const taken = new Promise((resolve) => (this.#onTakeover = () => resolve(fault)));
      await this.sweep(this.#chance.one(this.#world.namespaces), kind === "none" ? undefined : taken);
      await pause(this.#chance.between(200, 2500), undefined, { signal }).catch(() => undefined);
    }
  }

  async sweep(namespace, fault) {
    const command = await this.#world.run(this.host, this.#world.folder, sweepOf(namespace), fault);
    // One that was killed has nothing to answer for.
    if (command.code !== null) this.commands.push(command);
  }
}
