import { Gauge, Registry } from "prom-client";
import { VERDICTS } from "../../core/orphans/verdict.ts";
import type { Kind } from "../cleanup/cleanup.ts";
import type { Judged } from "./judged.ts";
import { checkPlace, readFile, replaceFile } from "./metricsFile.ts";
import type { SweepResult } from "./sweep.ts";

const REMOVED: readonly Kind[] = ["Job", "Pod", "PersistentVolumeClaim", "PersistentVolume"];
const LAST_SUCCESS = "gasw_k8s_last_successful_sweep_timestamp_seconds";

/** The figures of a sweep, in a file that the textfile collector of Prometheus's node exporter reads. */
export class SweepMetrics {
  readonly #file: string;
  readonly #now: () => Date;
  #judged: readonly Judged[] | undefined;
  #result: SweepResult | undefined;

  /** @throws GaswError USAGE where the file can't be written */
  constructor(file: string, now: () => Date) {
    checkPlace(file);
    this.#file = file;
    this.#now = now;
  }

  /** What the sweep has found, and, once something was removed, what that came to. */
  note(judged: readonly Judged[], result?: SweepResult): void {
    this.#judged = judged;
    this.#result = result;
  }

  /**
   * Writes the file anew.
   * @param hasFailed whether the sweep as a whole has
   * @throws GaswError FAILURE
   */
  async write(hasFailed: boolean): Promise<void> {
    const figures = new Figures();
    // Without an answer of the cluster there is nothing to tell of what it has.
    if (this.#judged !== undefined) figures.addLeft(this.#judged, this.#result);
    figures.addRemoved(this.#result);
    const failures = this.#result?.failures.length ?? 0;
    const now = this.#now().getTime() / 1000;
    figures.addSweep({
      time: now,
      success: hasFailed ? lastSuccess(this.#file) : now,
      failures: hasFailed ? Math.max(1, failures) : 0,
    });
    replaceFile(this.#file, await figures.text());
  }
}

/** Figures in the text format of Prometheus. */
class Figures {
  readonly #registry = new Registry();

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** What the sweep leaves in the cluster. */
  addLeft(judged: readonly Judged[], result: SweepResult | undefined): void {
    const removed = new Set(result?.removed.map(({ uid }) => uid));
    const left = judged.filter((one) => result?.ended.includes(one) !== true);
    const workflows = this.#gauge("gasw_k8s_orphaned_workflows", "Workflows with objects in the cluster", [
      "verdict",
    ]);
    const volumes = this.#gauge("gasw_k8s_orphaned_volumes", "PersistentVolumes of workflows", ["verdict"]);
    for (const verdict of VERDICTS) {
      const those = left.filter((one) => one.verdict === verdict);
      const theirs = those.flatMap(({ workflow }) => workflow.volumes);
      workflows.set({ verdict }, those.length);
      volumes.set({ verdict }, theirs.filter(({ metadata }) => !removed.has(metadata?.uid)).length);
    }
    const lost = left.filter(({ verdict }) => verdict === "lost");
    this.#gauge(
      "gasw_k8s_orphaned_lost_quiet_seconds",
      "Time since the last sign of life of the lost workflow that has been quiet the longest",
    ).set(Math.floor(Math.max(0, ...lost.map(({ facts }) => facts.quiet ?? 0))));
  }

  addRemoved(result: SweepResult | undefined): void {
    const gauge = this.#gauge("gasw_k8s_last_sweep_removed_objects", "Objects that the last sweep removed", [
      "kind",
    ]);
    const removed = result?.removed ?? [];
    for (const kind of REMOVED) gauge.set({ kind }, removed.filter((one) => one.kind === kind).length);
  }

  /** @param sweep times in seconds since 1970 */
  addSweep({ time, success, failures }: { time: number; success: number; failures: number }): void {
    this.#gauge("gasw_k8s_last_sweep_failures", "Failures of the last sweep").set(failures);
    this.#gauge("gasw_k8s_last_sweep_timestamp_seconds", "Time of the last sweep").set(time);
    this.#gauge(LAST_SUCCESS, "Time of the last sweep without a failure, 0 if there was none").set(success);
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }
}

/** When a sweep last succeeded, as the file of the sweep before says. */
function lastSuccess(file: string): number {
  const [, value = "0"] = new RegExp(`^${LAST_SUCCESS} (\\S+)$`, "m").exec(readFile(file)) ?? [];
  const time = Number(value);
  return Number.isFinite(time) ? time : 0;
}
