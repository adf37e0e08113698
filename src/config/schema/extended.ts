import { pipe, record, string, transform } from "zod/mini";
import { checkResource, resourceAmount } from "../../core/manifests/resourceNames.ts";
import { amount } from "./fields.ts";

/** Amounts of extended resources, by their names: in the configuration, and in a request. */
export const extendedResources = () =>
  pipe(
    record(string(), amount()),
    transform((given, context): Record<string, string> => {
      const amounts = Object.entries(given);
      for (const [name, written] of amounts) {
        const fault = checkResource(name, written);
        if (fault === undefined) continue;
        const { expected: message, hint } = fault;
        context.issues.push({ code: "custom", input: written, path: [name], message, params: { hint } });
      }
      return Object.fromEntries(amounts.map(([name, written]) => [name, resourceAmount(name, written)]));
    }),
  );
