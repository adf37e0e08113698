import type { KnownJob } from "./decision.ts";
import type { Ending } from "./ending.ts";
import type { Observation } from "./observe.ts";

/** The family of the wait for an output, which is one wait whatever becomes of pod and Job meanwhile. */
export const OUTPUT = "output";

/** Introduces the last observation in a message. */
const LAST_LOOK = "; when last seen, it was ";

/** What the last look at an attempt has shown, as far as it was kept. */
export function lastLook({ stage, reason, message, node, started }: KnownJob): Observation {
  const place = {
    ...(node === null || node === undefined ? {} : { node }),
    ...(started === null || started === undefined ? {} : { startedAt: started }),
  };
  if (stage.status === "RUNNING") return { phase: "running", ...place };
  if (stage.status !== "QUEUED") return { phase: "missing" };
  return {
    phase: "waiting",
    reason: reason ?? "Unknown",
    message: message ?? "no reason is known",
    ...place,
  };
}

/** An end that nobody saw, with what the last look before it has shown: nothing else will tell. */
export function withLastLook(ending: Ending, known: KnownJob): Ending {
  const words = lookWords(known);
  return words === undefined ? ending : { ...ending, message: `${ending.message}${LAST_LOOK}${words}` };
}

/** The part of a message that tells of the last look; empty where there is none. */
export function lastLookIn(message: string | undefined): string {
  const at = message?.indexOf(LAST_LOOK) ?? -1;
  return at < 0 ? "" : (message?.slice(at) ?? "");
}

function lookWords({ stage, reason, message, node, started, pendingFamily }: KnownJob): string | undefined {
  // What waits for its output was seen to be gone, before.
  if (pendingFamily === OUTPUT) return undefined;
  const why = [message, reason === null || reason === undefined ? undefined : `(${reason})`]
    .filter((part) => part !== null && part !== undefined && part !== "")
    .join(" ");
  if (stage.status === "RUNNING") {
    const where = node === null || node === undefined ? "" : ` on node ${node}`;
    const since = started === null || started === undefined ? "" : ` since ${started}`;
    return `running${where}${since}${why === "" ? "" : `: ${why}`}`;
  }
  return stage.status === "QUEUED" && why !== "" ? `waiting: ${why}` : undefined;
}
