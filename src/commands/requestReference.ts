import { toJSONSchema } from "zod/mini";
import { docs } from "../config/schema/fields.ts";
import type { JsonSchema } from "../config/schema/reference.ts";
import { requestSchema } from "./requestSchema.ts";

/** The published JSON Schema of one line of `submit --from`. */
export function requestJsonSchema(): JsonSchema {
  const generated = toJSONSchema(requestSchema, { io: "input", metadata: docs, unrepresentable: "any" });
  return {
    ...(generated as JsonSchema),
    title: "A request: one line of `gasw-k8s submit --from FILE`",
    // An engine that misspells a key hears of it.
    additionalProperties: false,
  };
}
