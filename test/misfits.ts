import { readFileSync } from "node:fs";
import { fromJSONSchema } from "zod";

const schema = JSON.parse(readFileSync(new URL("../docs/output.schema.json", import.meta.url), "utf8"));

/** What in a text does not fit a definition of the published schema of the output; nothing where all fits. */
export function misfits(definition: string, text: string): string[] {
  const checked = fromJSONSchema({ $defs: schema.$defs, $ref: `#/$defs/${definition}` }).safeParse(JSON.parse(text));
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}
