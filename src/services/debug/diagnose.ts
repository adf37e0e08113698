import { jobFiles } from "../../core/gasw/files.ts";
import { hasEnded, type LocalStatus } from "../../core/job.ts";
import { decide } from "../../core/lifecycle/decide.ts";
import { lastLook } from "../../core/lifecycle/lastLook.ts";
import { UNKNOWN } from "../../core/lifecycle/marks.ts";
import { keepersOf, observe } from "../../core/lifecycle/observe.ts";
import { lastSection } from "../../core/output/lastSection.ts";
import { currentState, type Facts } from "../../core/why/facts.ts";
import { type Answer, explain } from "../../core/why/why.ts";
import type { V1Node } from "../../core/wire.ts";
import type { GaswError } from "../../errors.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { nodesPath } from "../../kubernetes/paths.ts";
import type { StoredJob } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { readEnd } from "../output/file.ts";
import { isOver, statedCode, Traces } from "../output/ownWords.ts";
import { tailLines } from "../output/tail.ts";
import { isUnasked } from "../workflow/cluster.ts";
import { nameInCommands } from "../workflow/findJob.ts";
import { type JobObjects, readJobObjects } from "./objects.ts";
import { type JobTarget, keptPod } from "./target.ts";

const LAST_WORDS = 3;
/** Bytes at the end of an output in which its last section is looked for. */
const SECTION_BYTES = 256 * 1024;

/** Why a job is as it is, with the status that it has now. */
export interface Diagnosis extends Answer {
  readonly status: string;
  /** Why the cluster could not be asked about a job that is not over: this is what was known before. */
  readonly outdated?: GaswError;
}

/**
 * Explains a job from the state, the cluster and its files, or from what there is of these; changes nothing anywhere.
 * @throws GaswError CLUSTER where this host's state does not know the job
 */
export async function diagnose(deps: Deps, target: JobTarget): Promise<Diagnosis> {
  try {
    const facts = await gather(deps, target, await readJobObjects(deps, target));
    return { status: facts.state.status, ...explain(facts) };
  } catch (error) {
    if (target.stored === undefined || !isUnasked(error)) throw error;
    const facts = lastKnown(deps, target, target.stored, error);
    const isOver = hasEnded(facts.state.status);
    return { status: facts.state.status, ...explain(facts), ...(isOver ? {} : { outdated: error }) };
  }
}

/** What the state alone tells of a job. */
function lastKnown(deps: Deps, target: JobTarget, stored: StoredJob, why: GaswError): Facts {
  const at =
    stored.observed === null || hasEnded(stored.status) ? "" : `; this was known at ${stored.observed}`;
  return {
    job: namedIn(deps, target),
    state: currentState(stored, { ...UNKNOWN, status: stored.status, removeJob: false }),
    seen: lastLook(stored),
    pod: keptPod(deps, stored),
    claims: [],
    events: [],
    ...written(target, stored.status),
    unseen: [`the cluster (${why.message})${at}`],
    now: deps.now(),
  };
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
    job: namedIn(deps, target),
    state,
    seen,
    kubeJob: job,
    pod: pod ?? lastPod,
    // Its Job may be gone for other reasons, and from before its script began.
    keptBy: lastPod === undefined || observe(undefined, lastPod).phase !== "ended" ? [] : keepersOf(lastPod),
    claims,
    events,
    nodes: waitsForNode ? await listNodes(deps) : undefined,
    ...written(target, state.status),
    unseen: objects.unseen,
    now: deps.now(),
  };
}

/** A job with what commands about it have to say. */
function namedIn({ store }: Deps, target: JobTarget): Facts["job"] {
  return { ...target, name: nameInCommands(store, target), envNames: target.stored?.request.envNames };
}

type Written = Pick<Facts, "lastWords" | "isSilent" | "lastSection">;

/** What a job has written, as far as it tells why it failed. */
function written({ directory, fileName, superseded }: JobTarget, status: LocalStatus): Written {
  if (status !== "ERROR" && status !== "ERROR_HELD") return { lastWords: [], isSilent: false };
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
