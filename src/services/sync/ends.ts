import { hasEnded } from "../../core/job.ts";
import type { OwnWords } from "../../core/lifecycle/decision.ts";
import type { Extent } from "../../core/lifecycle/round.ts";
import { isSettled } from "../../core/lifecycle/stage.ts";
import type { StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { isOver, statedCode, Traces } from "../output/ownWords.ts";
import { withStreams } from "../submit/attemptFiles.ts";
import { isThere, type Seen } from "./look.ts";
import { parseOutputOf, storeOutput } from "./storedOutput.ts";

/** What jobs have left of their ends, by the keys of those whose output was read. */
export type Ends = ReadonlyMap<number, OwnWords>;

/**
 * Reads what every attempt has left whose end is to be judged, or seen to, now; one after the other. Where
 * ends alone are judged, of an output only the code that it states is read.
 */
export async function readEnds(
  deps: Deps,
  workflow: StoredWorkflow,
  attempts: readonly StoredJob[],
  seen: (job: StoredJob) => Seen,
  extent: Extent,
): Promise<Ends> {
  const traces = new Traces(deps, workflow);
  const isDone = ({ status, stage }: StoredJob) =>
    extent === "ends only" ? hasEnded(status) : isSettled(stage);
  const ends = new Map<number, OwnWords>();
  for (const job of attempts) {
    const { observation } = seen(job);
    if (isDone(job) || !isOver(job, observation)) continue;
    const written = withStreams(deps, workflow, job, (one) => isThere(seen(one)));
    const isRead = extent === "ends only" || written.superseded !== undefined;
    const read = () => (isRead ? statedCode(written, deps.signal) : keepOutput(deps, job));
    ends.set(job.key, await traces.of({ known: job, job: written, seen: observation }, read, deps));
  }
  return ends;
}

/** Reads a job's output and keeps what it tells: in the state, since many outputs may tell much. */
export async function keepOutput(deps: Deps, job: StoredJob): Promise<number | undefined> {
  const output = await parseOutputOf(deps, job);
  deps.store.changes.write(job, { output: storeOutput(output) });
  return output.exitCode;
}
