import type { Modernised } from "../schema/generations.ts";
import type { ConfigText } from "./files.ts";

/** A file under canonical keys. */
export interface SourceFile extends ConfigText, Modernised {}

/** A key that the schema does not know, and those that it knows there. */
export interface UnknownKey {
  readonly path: readonly PropertyKey[];
  readonly known: readonly string[];
}
