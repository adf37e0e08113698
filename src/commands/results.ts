import { resultRecord } from "../services/sync/results.ts";
import type { Result } from "../store/records.ts";
import type { Io } from "../ui/io.ts";

/** Prints invocations that are over, an NDJSON line each. */
export function printResults({ stdout }: Io, results: readonly Result[]): void {
  for (const result of results) stdout.write(`${JSON.stringify(resultRecord(result))}\n`);
}
