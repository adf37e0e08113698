import { jobFiles } from "../../core/gasw/files.ts";
import { decide } from "../../core/lifecycle/decide.ts";
import { UNKNOWN } from "../../core/lifecycle/marks.ts";
import { keepersOf } from "../../core/lifecycle/observe.ts";
import { lastSection } from "../../core/output/lastSection.ts";
import { currentState, type Facts } from "../../core/why/facts.ts";
import { type Answer, explain } from "../../core/why/why.ts";
import type { V1Node } from "../../core/wire.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { nodesPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";
import { readEnd } from "../output/file.ts";
import { isOver, statedCode, Traces } from "../output/ownWords.ts";
import { tailLines } from "../output/tail.ts";
import { type JobObjects, readJobObjects } from "./objects.ts";
import type { JobTarget } from "./target.ts";

const LAST_WORDS = 3;
/** Bytes at the end of an output in which its last section is looked for. */
const SECTION_BYTES = 256 * 1024;

/** Why a job is as it is, with the status that it has now. */
export interface Diagnosis extends Answer {
  readonly status: string;
}

/**
 * Explains a job from the state, the cluster and its files; changes nothing anywhere.
 * @throws GaswError CLUSTER
 */
export async function diagnose(deps: Deps, target: JobTarget): Promise<Diagnosis> {
  const objects = await readJobObjects(deps, target);
  const facts = await gather(deps, target, objects);
  return { status: facts.state.status, ...explain(facts) };
}

async function gather(deps: Deps, target: JobTarget, objects: JobObjects): Promise<Facts> {
  const { seen, job, pod, lastPod, claims, events } = objects;
  const known = target.stored ?? UNKNOWN;
  const traced = { ...target.stored, ...target };
  const own = isOver(known, seen)
    ? await new Traces(deps, target).of(
        { known, job: traced, seen },
        () => statedCode(traced, deps.signal),
        deps,
      )
    : {};
  const decision = decide(known, seen, own, deps.now(), deps.config);
  const state = currentState(target.stored, decision);
  const waitsForNode = seen.phase === "waiting" && seen.reason === "Unschedulable";
  return {
    job: target,
    state,
    seen,
    kubeJob: job,
    pod: pod ?? lastPod,
    keptBy: lastPod === undefined ? [] : keepersOf(lastPod),
    claims,
    events,
    nodes: waitsForNode ? await listNodes(deps) : undefined,
    ...(state.status === "ERROR" || state.status === "ERROR_HELD" ? writtenBy(target) : NOT_LOOKED_AT),
    unseen: objects.forbidden,
    now: deps.now(),
  };
}

type Written = Pick<Facts, "lastWords" | "isSilent" | "lastSection">;

const NOT_LOOKED_AT: Written = { lastWords: [], isSilent: false };

/** What a job that has failed has written, as far as it tells why. */
function writtenBy({ directory, fileName, superseded }: JobTarget): Written {
  const { out, err } = jobFiles(fileName, superseded);
  const lastWords = tailLines(directory, err, LAST_WORDS);
  const lines = readEnd(directory, out, SECTION_BYTES)?.lines.toString("latin1").split("\n") ?? [];
  return {
    lastWords,
    isSilent: lastWords.length === 0 && lines.every((line) => line.trim() === ""),
    lastSection: lastSection(lines),
  };
}

/** The nodes; undefined where the account may not see them, since the scheduler's words tell the most. */
async function listNodes({ client }: Deps): Promise<V1Node[] | undefined> {
  try {
    return await client.list<V1Node>(nodesPath());
  } catch (error) {
    if (isApiError(error, 403)) return undefined;
    throw error;
  }
}
