import type { Stage } from "./stage.ts";

/** What is written down together with a job's own change, in one transaction. */
export type Note =
  /** One more attempt of its invocation, which this tool submits when its turn comes. */
  | { readonly kind: "addAttempt" }
  /** The invocation is over: whoever waits for its result is told. */
  | { readonly kind: "announce" };

/** What is done outside the state. */
export type Act =
  /** Other state files are told that the job was killed, or that a kill of it was undone. */
  | { readonly kind: "noteKill"; readonly isUndone: boolean }
  /** Its Job is removed, with its pod. */
  | { readonly kind: "removeJob" }
  /** Its output is read, as far as it goes. */
  | { readonly kind: "keepOutput" }
  /** What others keep alive of a job that has ended goes; of a Job that may be needed yet, the pod alone. */
  | { readonly kind: "removeKept"; readonly stage: Stage; readonly what: "Job" | "pod" }
  /** What it has left in the tool's own folder goes. */
  | { readonly kind: "clearRunFolder" }
  /** An earlier attempt's streams are moved aside, so that its own stand where GASW looks for them. */
  | { readonly kind: "moveStreams" }
  | { readonly kind: "createJob" };

/** Something that follows from a decision, as data; `carryOut` executes it. */
export type Effect = Note | Act;

export type EffectKind = Effect["kind"];

/**
 * When an effect comes about: `noted` with the change itself; `ending` before the end that it brings about is
 * written down; `following` after that.
 */
export type Phase = "noted" | "ending" | "following";

/** Every kind of effect, in the order in which they are executed. */
export const EFFECT_PHASES: Readonly<Record<EffectKind, Phase>> = {
  addAttempt: "noted",
  announce: "noted",
  noteKill: "ending",
  removeJob: "ending",
  keepOutput: "ending",
  removeKept: "following",
  clearRunFolder: "following",
  moveStreams: "following",
  createJob: "following",
};

/** Whether one of some effects is of a kind. */
export function includes(effects: readonly Effect[], kind: EffectKind): boolean {
  return effects.some((effect) => effect.kind === kind);
}

/** Every kind of effect, in the order in which they are executed. */
export function effectKinds(): EffectKind[] {
  return Object.keys(EFFECT_PHASES) as EffectKind[];
}
