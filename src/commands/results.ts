import { toldRecord } from "../services/sync/results.ts";
import type { Told } from "../store/records.ts";
import type { Io } from "../ui/io.ts";

/** Prints what an engine is told, an NDJSON line each. */
export function printTold({ stdout }: Io, told: readonly Told[]): void {
  for (const one of told) stdout.write(`${JSON.stringify(toldRecord(one))}\n`);
}
