/** What is wrong with a configuration, in the user's words. */
import type { core } from "zod/mini";
import { isSecretName, maskText } from "../../core/secrets.ts";
import { GaswError } from "../../errors.ts";
import { keyText } from "./origin.ts";

/** One thing that is wrong, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly hint: string;
}

/** An invalid configuration, with everything that is wrong in it. */
export class ConfigError extends GaswError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const [
      first = { message: "the configuration is invalid", hint: "see docs/configuration.md" },
      ...others
    ] = problems;
    const more = others.length > 0 ? ` (and ${others.length} more; \`gasw-k8s config check\` lists all)` : "";
    super("CONFIG", first.message + more, { hint: first.hint });
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A value that the schema refused. */
export interface Refusal {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  /** What to do about it, where that is not to give what was expected. */
  readonly hint?: string;
}

/** The schema's issue as a path and what was expected there. */
export function refusalOf(issue: core.$ZodIssue): Refusal {
  const { path } = issue;
  switch (issue.code) {
    case "custom":
      return { path, expected: issue.message, ...hintOf(issue.params) };
    case "invalid_type":
      return { path, expected: TYPE_WORDS[issue.expected] ?? issue.expected };
    case "invalid_key":
      return { path, expected: `a name of ${issue.issues[0]?.message ?? "another form"}` };
    case "invalid_union": {
      const types =
        "options" in issue && Array.isArray(issue.options)
          ? issue.options.map((option) => JSON.stringify(option))
          : [];
      return { path, expected: types.length > 0 ? `one of ${types.join(", ")}` : "another value" };
    }
    default:
      return { path, expected: issue.message };
  }
}

function hintOf(params: Readonly<Record<string, unknown>> | undefined): Pick<Refusal, "hint"> {
  return typeof params?.hint === "string" ? { hint: params.hint } : {};
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: "an object",
  record: "an object with string values",
  array: "a list",
};

/** Words the refusal; the value itself is told only where it is no secret. */
export function refusalProblem(refusal: Refusal, where: string, values: unknown): Problem {
  const key = keyText(refusal.path);
  const isKeyRefused = refusal.expected.startsWith("a name of ");
  const found = isKeyRefused
    ? JSON.stringify(String(refusal.path.at(-1)))
    : foundText(refusal.path, valueAt(values, refusal.path));
  const suggestion = /did you mean (".*")\?/.exec(refusal.expected)?.[1];
  return {
    message: `${where}: ${key}: expected ${refusal.expected}, found ${found}`,
    hint:
      refusal.hint ??
      (suggestion
        ? `write ${suggestion}`
        : `set ${key} to ${refusal.expected}; docs/configuration.md describes every key`),
  };
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  let value = values;
  for (const segment of path)
    value =
      typeof value === "object" && value !== null
        ? (value as Record<PropertyKey, unknown>)[segment]
        : undefined;
  return value;
}

const SHOWN_LENGTH = 60;

function foundText(path: readonly PropertyKey[], value: unknown): string {
  if (value === undefined) return "nothing";
  if (isSecretPath(path) || mayHoldSecret(path, value)) return `${typeWord(value)} (not shown)`;
  if (typeof value === "object" && value !== null) return typeWord(value);
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** What was refused may be malformed, so that nothing says where in it the password is. */
function mayHoldSecret(path: readonly PropertyKey[], value: unknown): boolean {
  const isDatabase = path[0] === "dao" && path[1] === "url";
  return typeof value === "string" && (isDatabase || value.includes("@") || maskText(value) !== value);
}

function typeWord(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Whether what stands there must never be printed, whatever it is. */
export function isSecretPath(path: readonly PropertyKey[]): boolean {
  return (
    path[0] === "env" || isSecretName(String(path.findLast((segment) => typeof segment === "string") ?? ""))
  );
}
