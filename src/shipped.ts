import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * A file or folder of this package; undefined if it is missing. The program's bundle is in a folder of the package, as
 * this file is in a checkout.
 */
export function shippedFile(name: string): string | undefined {
  const file = fileURLToPath(new URL(`../${name}`, import.meta.url));
  return existsSync(file) ? file : undefined;
}
