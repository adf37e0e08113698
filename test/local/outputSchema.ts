import { readFileSync } from "node:fs";
import path from "node:path";
import { fromJSONSchema } from "zod";

const schema = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../docs/output.schema.json"), "utf8"));

/** What in a text does not fit a definition of the published schema; nothing where all fits. */
export function misfits(definition: string, text: string): string[] {
  const checked = fromJSONSchema({ $defs: schema.$defs, $ref: `#/$defs/${definition}` }).safeParse(JSON.parse(text));
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}
