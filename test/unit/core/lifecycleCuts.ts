import { type EffectKind, effectKinds } from "../../../src/core/lifecycle/effects.ts";

/**
 * Where a plan's execution is cut off: at either side of an effect of any kind. Or: the cluster refuses to remove all Jobs, or the first; another
 * command changes what was looked at before it is written down, or while Jobs are removed; or the script can't be submitted.
 */
export const CUTS: readonly Exclude<Cut, "nowhere">[] = [
  "overtaken",
  "overtaken while removing",
  "no removal succeeds",
  "one removal fails",
  "unsubmittable",
  ...effectKinds().flatMap((kind) => [`before ${kind}` as const, `after ${kind}` as const]),
];
export type Cut =
  | "nowhere"
  | "overtaken"
  | "overtaken while removing"
  | "no removal succeeds"
  | "one removal fails"
  | "unsubmittable"
  | `${"before" | "after"} ${EffectKind}`;
