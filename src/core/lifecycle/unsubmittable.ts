import type { Rules } from "./decision.ts";
import { over } from "./make.ts";
import type { SCRIPT_CHANGED, UNSUBMITTABLE } from "./marks.ts";
import type { Written } from "./round.ts";

/** Of an attempt that can't be submitted, whether it waits for a person or is told and over. */
export function unsubmittable(
  why: typeof UNSUBMITTABLE | typeof SCRIPT_CHANGED,
  message: string,
  { onHeld }: Pick<Rules, "onHeld">,
): Written {
  if (onHeld === "hold") return { change: { ...why, message }, notes: [] };
  return { change: { ...why, stage: over("ERROR"), message }, notes: [{ kind: "announce" }] };
}
