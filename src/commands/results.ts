import type { Context } from "../context.ts";
import { resultRecord } from "../services/results.ts";
import type { StoredWorkflow } from "../store/store.ts";

/**
 * Prints the invocations that are over and were not told of before, an NDJSON line each.
 * @param since cursor of the last one told
 * @returns the cursor of the last one now
 */
export function printResults({ io, store }: Context, workflows: readonly StoredWorkflow[], since: number): number {
  const results = workflows.flatMap((workflow) => store.results(workflow, since)).sort((a, b) => a.cursor - b.cursor);
  for (const result of results) io.stdout.write(`${JSON.stringify(resultRecord(result))}\n`);
  return results.at(-1)?.cursor ?? since;
}
