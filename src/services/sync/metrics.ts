import { createServer, type Server } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { GaswError, systemCode } from "../../errors.ts";
import type { StoredWorkflow } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Round } from "./monitor.ts";

/** The figures of a monitor, served to Prometheus at `/metrics`. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #server: Server;
  readonly #rounds: Histogram;
  readonly #failures: Counter;
  readonly #lastRound: Gauge;

  /** @throws GaswError USAGE when the address is none, or can't be had */
  static async start(store: Store, workflow: StoredWorkflow, address: string): Promise<Metrics> {
    const metrics = new Metrics(store, workflow);
    await metrics.#listen(address);
    return metrics;
  }

  private constructor(store: Store, workflow: StoredWorkflow) {
    const registers = [this.#registry];
    this.#registry.setDefaultLabels({ workflow: workflow.id });
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: "gasw_k8s_jobs",
      help: "Jobs by local status, counting every attempt",
      labelNames: ["status"],
      registers,
      collect() {
        this.reset();
        for (const { status } of store.jobs.all(workflow)) this.inc({ status });
      },
    });
    new Gauge({
      name: "gasw_k8s_outbox",
      help: "Jobs not yet written to the GASW database",
      registers,
      collect() {
        this.set(store.outbox.size(workflow));
      },
    });
    this.#rounds = new Histogram({
      name: "gasw_k8s_round_seconds",
      help: "Duration of a round",
      labelNames: ["looked"],
      registers,
    });
    this.#failures = new Counter({
      name: "gasw_k8s_failures_total",
      help: "Failed rounds, by error code",
      labelNames: ["code"],
      registers,
    });
    this.#lastRound = new Gauge({
      name: "gasw_k8s_last_round_timestamp_seconds",
      help: "Time of the last successful round",
      registers,
    });
    this.#server = createServer((request, response) => {
      if (request.url !== "/metrics") {
        response.writeHead(404).end("metrics are at /metrics\n");
        return;
      }
      this.#registry.metrics().then(
        (text) => response.writeHead(200, { "content-type": this.#registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${error}\n`),
      );
    });
  }

  record({ seconds, looked, failures }: Round): void {
    this.#rounds.observe({ looked: String(looked) }, seconds);
    for (const { code } of failures) this.#failures.inc({ code });
    if (failures.length === 0) this.#lastRound.setToCurrentTime();
  }

  /** Where the figures are, as `HOST:PORT`. */
  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `${isIPv6(address) ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #listen(address: string): Promise<void> {
    const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
    const hint = "use HOST:PORT, such as 127.0.0.1:9464; port 0 picks a free port";
    if (match === null || Number(match[3]) > 65535)
      throw new GaswError("USAGE", `--metrics: ${address} is not a valid address`, { hint });
    const host = match[1] ?? match[2];
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen({ port: Number(match[3]), ...(host ? { host } : {}) }, resolve);
      });
    } catch (cause) {
      throw new GaswError("USAGE", `cannot listen on --metrics ${address} (${systemCode(cause)})`, {
        hint: "use another port",
        cause,
      });
    }
  }
}
