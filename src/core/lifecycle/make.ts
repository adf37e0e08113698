import type { GaswStatus, LocalStatus } from "../job.ts";
import type { ActiveStatus, DecidedEnd, EndStatus, HeldStatus, Left, Stage } from "./stage.ts";
import type { Decided } from "./status.ts";

// A test sees to it that this folder alone imports this.

/** A status, as decided. */
export function decided<Status extends GaswStatus>(status: Status): Decided<Status> {
  return status as unknown as Decided<Status>;
}

function stage<Name extends Stage["name"]>(
  name: Name,
  status: LocalStatus,
  fields: object = {},
): Extract<Stage, { name: Name }> {
  return { name, status, ...fields } as unknown as Extract<Stage, { name: Name }>;
}

/** The stages in which an attempt has not been submitted, and is not given up. */
export const WRITTEN = stage("written", "NOT_SUBMITTED");
export const DUE = stage("due", "NOT_SUBMITTED");
export const CLEARING = stage("clearing", "NOT_SUBMITTED");

/** The stage of an attempt that is in the cluster. */
export function active(status: ActiveStatus): Stage {
  return stage("active", status);
}

/** The stage of an attempt that ends once its Job is on its way out. */
export function removing(status: "NOT_SUBMITTED" | ActiveStatus, end: DecidedEnd): Stage {
  return stage("removing", status, { end });
}

const NOTHING_LEFT: Left = { lingers: false, outputLate: false };

/**
 * The stage of an attempt that has ended.
 * @param noted what was decided for it before
 */
export function ended(status: EndStatus, left = NOTHING_LEFT, noted: DecidedEnd | null = null): Stage {
  return finished("ended", status, left, noted);
}

/** The stage of an attempt whose end has been seen to. */
export function over(status: EndStatus, left = NOTHING_LEFT, noted: DecidedEnd | null = null): Stage {
  return finished("over", status, left, noted);
}

/** The stage of an attempt that has ended, once that has been seen to. */
export function seenTo({ status, noted, ...left }: Extract<Stage, { name: "ended" }>): Stage {
  return over(status, left, noted);
}

function finished(
  name: "ended" | "over",
  status: EndStatus,
  { lingers, outputLate }: Left,
  noted: DecidedEnd | null,
): Stage {
  return stage(name, status, { lingers, outputLate, noted: noted === status ? null : noted });
}

/** The stage of an attempt that waits to be released. */
export function held(status: HeldStatus, { lingers, outputLate } = NOTHING_LEFT): Stage {
  return stage("held", status, { lingers, outputLate });
}

/** The same stage with something else left behind, where anything can be. */
export function leaving(stage: Stage, left: Partial<Left>): Stage {
  return stage.name === "ended" || stage.name === "held" || stage.name === "over"
    ? { ...stage, ...left }
    : stage;
}
