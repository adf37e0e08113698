import { type output, safeParse } from "zod/mini";
import { findJsonError } from "../config/text/jsonSyntax.ts";
import { refusalOf } from "../config/text/problems.ts";
import { optionName } from "../core/commandWords.ts";
import type { JobOptions } from "../core/job.ts";
import { GaswError } from "../errors.ts";
import type { Submission } from "../services/submit/checks.ts";
import { requestSchema } from "./requestSchema.ts";

const KNOWN_KEYS = Object.keys(requestSchema.def.shape);

/**
 * A submission from values that a user or an engine gave.
 * @param where names the place in messages: an option's prefix, or a line of the input
 * @throws GaswError USAGE naming the field and what was expected
 */
export function parseRequest(
  values: Readonly<Record<string, unknown>>,
  where: (field: string) => string,
): Submission {
  const unknown = Object.keys(values).find((key) => !KNOWN_KEYS.includes(key));
  if (unknown !== undefined)
    throw new GaswError("USAGE", `${where(unknown)} is not a known key`, {
      hint: `known keys: ${KNOWN_KEYS.join(", ")}`,
    });
  const parsed = safeParse(requestSchema, values);
  if (!parsed.success) {
    const refusal = refusalOf(parsed.error.issues[0] as Parameters<typeof refusalOf>[0]);
    const field = refusal.path.map(String).join(".");
    throw new GaswError("USAGE", `${where(field)}: expected ${refusal.expected}`, {
      hint: refusal.hint === undefined ? "`gasw-k8s submit --help` shows examples" : refusal.hint,
    });
  }
  const { script, ...options } = parsed.data satisfies output<typeof requestSchema>;
  return { script, options: options as JobOptions };
}

/** The options of a request as a command line states them. */
export interface StatedOptions {
  /** Those that state one value each, by their names. */
  readonly request?: Readonly<Record<string, unknown>>;
  readonly env?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
}

/** Whether a command line states anything of a request. */
export function isAnyStated({ request = {}, env, resource }: StatedOptions): boolean {
  return Object.keys(request).length > 0 || (env ?? resource) !== undefined;
}

/**
 * What a command line states of a request.
 * @throws GaswError USAGE naming the option and what was expected
 */
export function parseOptions({ request, env, resource }: StatedOptions): JobOptions {
  const stated = {
    ...request,
    ...(env === undefined ? {} : { env: parseAssignments(env) }),
    ...(resource === undefined ? {} : { resource: parseResources(resource) }),
  };
  // Whose options they are makes no difference.
  return parseRequest({ script: "-", ...stated }, nameOf).options;
}

/** What a field of a request is called on a command line. */
function nameOf(field: string): string {
  const [name = "", ...below] = field.split(".");
  return [optionName(name), ...(below.length === 0 ? [] : [below.join(".")])].join(" ");
}

/** A submission from one line of NDJSON. */
export function parseRequestLine(given: string, number: number): Submission {
  // Of files that were put together, any may begin with a byte order mark.
  const line = given.replace(/^\ufeff/, "");
  let values: unknown;
  try {
    values = JSON.parse(line);
  } catch {
    if (line.includes("\0"))
      throw new GaswError("USAGE", `line ${number} is not UTF-8: it looks like UTF-16`, {
        hint: "convert the requests: iconv -f UTF-16 -t UTF-8 FILE | gasw-k8s submit --from -",
      });
    // The parser's own message quotes the line, which may hold secrets.
    const { offset, expected } = findJsonError(line);
    throw new GaswError("USAGE", `line ${number} is not JSON: column ${offset + 1}: expected ${expected}`, {
      hint: 'write one object per line: {"script":"sh/Job-1.sh"}',
    });
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new GaswError("USAGE", `line ${number} is not an object`, {
      hint: 'write one object per line: {"script":"sh/Job-1.sh"}',
    });
  }
  return parseRequest(values as Record<string, unknown>, (field) => `line ${number}, ${field}`);
}

/** `KEY=VALUE` options as one record; the last one of a name counts. */
function parseAssignments(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const assigned = splitAssignment(assignment);
      if (assigned !== undefined) return assigned;
      throw new GaswError("USAGE", "--env: expected KEY=VALUE", {
        hint: "use, for example, --env THREADS=4",
      });
    }),
  );
}

/** `NAME=QTY` options as one record; each name once, since amounts of one name could also add up. */
function parseResources(given: readonly string[]): Record<string, string> {
  const resources = new Map<string, string>();
  for (const assignment of given) {
    const [name, amount] = splitAssignment(assignment) ?? [];
    if (name === undefined || amount === undefined)
      throw new GaswError("USAGE", `--resource ${assignment}: expected NAME=QTY`, {
        hint: "use, for example, --resource nvidia.com/mig-1g.5gb=1",
      });
    if (resources.has(name))
      throw new GaswError("USAGE", `--resource ${name} is given more than once`, {
        hint: `state the whole amount once: --resource ${name}=QTY`,
      });
    resources.set(name, amount);
  }
  return Object.fromEntries(resources);
}

function splitAssignment(text: string): [name: string, value: string] | undefined {
  const at = text.indexOf("=");
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : undefined;
}
