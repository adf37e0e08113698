import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of this package, found from the program's bundle or in a checkout; undefined if it is missing. */
export function shippedFile(name: string): string | undefined {
  return ["../", "../../../"]
    .map((up) => fileURLToPath(new URL(`${up}${name}`, import.meta.url)))
    .find((file) => existsSync(file));
}
