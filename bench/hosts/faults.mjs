// What goes wrong, at random, each fault for a while; faults of different kinds overlap.
import { setTimeout as pause } from "node:timers/promises";

/** Weights, and seconds that each fault lasts. */
const KINDS = {
  death: { weight: 2, seconds: [20, 110] },
  blindness: { weight: 5, seconds: [5, 100] },
  revocation: { weight: 2, seconds: [10, 60] },
  otherCluster: { weight: 2, seconds: [10, 50] },
};

export class Faults {
  counts = { deaths: 0, stops: 0, revocations: 0, switches: 0 };
  #hosts;
  #chance;
  #lasting = new Set();
  #isOver = new AbortController();

  constructor(hosts, chance) {
    this.#hosts = hosts;
    this.#chance = chance;
  }

  /** Begins one of some kind; those of one kind follow one another. */
  begin(kind = this.#chance.weighed(Object.fromEntries(Object.entries(KINDS).map(([name, { weight }]) => [name, weight])))) {
    if (kind !== "blindness" && [...this.#lasting].some((fault) => fault.kind === kind)) return;
    const end = this.#inflict(kind, this.#chance.one(this.#hosts));
    if (end === undefined) return;
    const [least, most] = KINDS[kind].seconds;
    const fault = { kind, over: Promise.resolve() };
    this.#lasting.add(fault);
    fault.over = pause(this.#chance.between(least, most) * 1000, undefined, { signal: this.#isOver.signal })
      .catch(() => undefined)
      .then(end)
      .finally(() => this.#lasting.delete(fault));
  }

  /** @returns {(() => void) | undefined} what ends it; undefined where it can't begin now */
  #inflict(kind, host) {
    if (kind !== "blindness") return host.isDead ? undefined : this.#inflictHost(kind, host);
    const monitors = [...host.monitors.values()];
    if (monitors.length === 0) return undefined;
    // One, or all of the host's.
    const stopped = this.#chance.isLuck(0.5) ? monitors : [this.#chance.one(monitors)];
    for (const monitor of stopped) monitor.kill("SIGSTOP");
    this.counts.stops += stopped.length;
    return () => {
      for (const monitor of stopped) monitor.kill("SIGCONT");
    };
  }

  #inflictHost(kind, host) {
    switch (kind) {
      case "death":
        host.die();
        this.counts.deaths++;
        return () => host.revive();
      case "revocation":
        host.connect({ hasToken: false });
        this.counts.revocations++;
        return () => host.connect({ hasToken: true });
      default:
        host.connect({ context: "other" });
        this.counts.switches++;
        return () => host.connect({ context: "own" });
    }
  }

  /** Ends all that lasts. */
  async lift() {
    this.#isOver.abort();
    await Promise.all([...this.#lasting].map(({ over }) => over));
  }
}
