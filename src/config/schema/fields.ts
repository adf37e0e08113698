/**
 * The kinds of value a configuration key may have: how each is read, what is said when it is not that, and
 * its JSON Schema.
 */
import { posix } from "node:path";
import { config, pipe, regex, registry, string, transform, unknown } from "zod/mini";
import { checkMemory, parseQuantity } from "../../core/manifests/quantity.ts";
import { holdsPassword } from "../../core/secrets.ts";
import { parseDuration } from "./duration.ts";

// A configuration is parsed once per process: compiling a parser for it costs more than it saves.
config({ jitless: true });

/** JSON Schema keywords beside those that zod derives by itself. */
export interface Doc {
  description?: string;
  title?: string;
  format?: string;
  default?: unknown;
  [keyword: string]: unknown;
}

/** What the reference page and the published JSON Schema say beyond the types. */
export const docs = registry<Doc>();

type Schema = Parameters<typeof docs.add>[0];

/** Gives a key its line in the reference page. */
export function key<S extends Schema>(schema: S, description: string): S {
  docs.add(schema, { ...docs.get(schema), description });
  return schema;
}

interface Kind<T> {
  readonly doc: Doc;
  /** Completes "expected …" for a value that `read` refused. */
  readonly expected: string | ((value: unknown) => string);
  /** The normalised value, or undefined where it is none of this kind. */
  read(value: unknown): T | undefined;
}

/** A schema of one kind of value; a lone transform, because every further zod object costs start-up time. */
function field<T>(kind: Kind<T>) {
  const schema = transform((value: unknown, context): T => {
    const result = kind.read(value);
    if (result !== undefined) return result;
    const expected = typeof kind.expected === "string" ? kind.expected : kind.expected(value);
    context.issues.push({ code: "custom", input: value, message: expected });
    return undefined as T;
  });
  docs.add(schema, kind.doc);
  return schema;
}

/** A key that must be given: a lone transform counts as optional. */
export function required<S extends ReturnType<typeof field>>(schema: S) {
  const wrapped = pipe(unknown(), schema);
  docs.add(wrapped, { ...docs.get(schema) });
  return wrapped;
}

function textMatching(title: string, expected: string, pattern: RegExp, doc: Doc = {}) {
  return field<string>({
    doc: { type: "string", title, pattern: pattern.source, ...doc },
    expected,
    read: (value) => (typeof value === "string" && pattern.test(value) ? value : undefined),
  });
}

/** Any text; a number or a truth value stands for its own spelling. */
export const scalar = () =>
  field<string>({
    doc: { type: ["string", "number", "boolean"], title: "text" },
    expected: "text",
    read: (value) =>
      typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? String(value)
        : undefined,
  });

export const text = () =>
  field<string>({
    doc: { type: "string", title: "text" },
    expected: "text",
    read: (value) => (typeof value === "string" ? value : undefined),
  });

/** A name that somebody else's rules decide. */
export const name = () => textMatching("text", "a name", /\S/);

/** A bearer token: `writeOnly` marks it as something that is never shown. */
export const secret = () =>
  field<string>({
    doc: { type: "string", title: "text", writeOnly: true },
    expected: "text on one line",
    read: (value) =>
      typeof value === "string" && /^[^\r\n]+$/.test(value.trim()) ? value.trim() : undefined,
  });

/** A file or folder of this machine; relative ones are resolved where they were written. */
export const localPath = () => textMatching("path", "a path", /./, { format: "path" });

/** A folder on another machine or in a container, without repeated or closing slashes. */
export const absolutePath = () =>
  field<string>({
    doc: { type: "string", title: "absolute path", pattern: "^/" },
    expected: 'an absolute path, such as "/data"',
    read: (value) =>
      typeof value === "string" && value.startsWith("/") ? stripSlashes(posix.normalize(value)) : undefined,
  });

function stripSlashes(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}

export const relativeFolder = () => textMatching("folder", "a folder", /./);

export const apiServerUrl = () =>
  field<string>({
    doc: { type: "string", title: "URL", pattern: "^https?://" },
    expected: 'a URL such as "https://cluster.example.org:6443"',
    read: (value) =>
      typeof value === "string" && /^https?:\/\/[^\s/]/.test(value) && URL.canParse(value)
        ? stripSlashes(value)
        : undefined,
  });

/** An IANA time zone; empty is none. */
export const timeZone = () =>
  field<string>({
    doc: { type: "string", title: "time zone" },
    expected: 'a time zone such as "Europe/Paris" or "UTC"',
    read: (value) => (typeof value === "string" && isTimeZone(value) ? value : undefined),
  });

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Address of a database, without a password: that would be seen by whoever sees the configuration. */
export const databaseUrl = () =>
  field<string>({
    doc: { type: "string", title: "URL", pattern: "^(sqlite:|postgres(ql)?://|mysql://|mariadb://|jdbc:)" },
    expected:
      "sqlite:PATH, postgres://…, mysql://… or jdbc:…, without a password (dao.passwordFile holds it)",
    read: (value) => {
      if (
        typeof value !== "string" ||
        !/^(sqlite:.|postgres(ql)?:\/\/.|mysql:\/\/.|mariadb:\/\/.|jdbc:.)/.test(value)
      )
        return undefined;
      return holdsPassword(value) ? undefined : value;
    },
  });

export const hostName = () =>
  textMatching("host name", "a host name or an address, without a path", /^[^\s/]+$/);
export const imageName = () => textMatching("image name", 'an image name such as "debian:12"', /^\S+$/);
export const labelText = () =>
  textMatching(
    "name",
    "a label value (at most 63 letters, digits, - _ .)",
    /^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/,
  );

/** A record's key: what a container's environment accepts as a name. */
export const environmentName = () =>
  string().check(
    regex(/^[-._A-Za-z][-._A-Za-z0-9]*$/, "letters, digits, - _ . only, not starting with a digit"),
  );

const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
export const dnsLabel = () =>
  textMatching("name", "a Kubernetes name (at most 63 lower-case letters, digits and -)", DNS_LABEL);

const DNS_SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;

/** Whether Kubernetes takes the text as an object's name. */
export const isObjectName = (text: string): boolean => DNS_SUBDOMAIN.test(text);

export const objectName = () =>
  textMatching(
    "name",
    "the name of a Kubernetes object (lower-case letters, digits, - and .)",
    DNS_SUBDOMAIN,
  );

export const flag = () =>
  field<boolean>({
    doc: { enum: [true, false, "true", "false"], title: "true or false" },
    expected: "true or false",
    read: (value) =>
      value === true || value === "true" ? true : value === false || value === "false" ? false : undefined,
  });

/** The longest grace period of a pod that is taken: a week. */
export const MAX_GRACE_S = 7 * 24 * 3600;

/** A whole number, also written as a JSON string, as the plugin's files do. */
export const wholeNumber = (minimum = 0, maximum = Number.MAX_SAFE_INTEGER) =>
  field<number>({
    doc: { type: ["integer", "string"], title: "whole number", minimum, pattern: "^\\d+$" },
    expected: minimum > 0 ? `a whole number from ${minimum} to ${maximum}` : "a whole number",
    read: (value) => {
      const number = typeof value === "string" && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
      return typeof number === "number" && Number.isInteger(number) && number >= minimum && number <= maximum
        ? number
        : undefined;
    },
  });

export const positiveNumber = () =>
  field<number>({
    doc: { type: ["number", "string"], title: "number", exclusiveMinimum: 0, pattern: "^\\d+(\\.\\d+)?$" },
    expected: "a number above zero",
    read: (value) => {
      const number = typeof value === "string" && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
      return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : undefined;
    },
  });

const DURATION_DOC: Doc = { type: ["number", "string"], title: "duration", minimum: 0 };
const DURATION_WORDS = 'a duration such as 90, "90s", "15m" or "2h"';

/** Seconds; `whole` where Kubernetes takes only whole ones, `minimum` where zero makes no sense. */
export const duration = (options: { whole?: boolean; minimum?: number; maximum?: number } = {}) =>
  field<number>({
    doc: { ...DURATION_DOC, minimum: options.minimum ?? 0 },
    expected: `${DURATION_WORDS}${options.minimum ? ` of at least ${options.minimum} s` : ""}${options.maximum ? ` and at most ${options.maximum} s` : ""}${options.whole ? ", in whole seconds" : ""}`,
    read: (value) => {
      const seconds = parseDuration(value);
      if (seconds === undefined || seconds < (options.minimum ?? 0)) return undefined;
      if (seconds > (options.maximum ?? Number.POSITIVE_INFINITY)) return undefined;
      return options.whole && !Number.isInteger(seconds) ? undefined : seconds;
    },
  });

/** Milliseconds: a plain number counts in them, since the plugin's key does. */
export const milliseconds = () =>
  field<number>({
    doc: { ...DURATION_DOC, title: "duration (plain number: ms)" },
    expected: 'a number of milliseconds, or a duration such as "2s"',
    read: (value) => {
      const seconds = parseDuration(value, "ms");
      return seconds === undefined ? undefined : Math.round(seconds * 1000);
    },
  });

/** Seconds that a reason may last, or null for one that is waited out. */
export const grace = () =>
  field<number | null>({
    doc: { type: ["number", "string", "null"], title: "duration", minimum: 0 },
    expected: `${DURATION_WORDS}, or "never"`,
    read: (value) => (value === null || value === "never" ? null : parseDuration(value)),
  });

const QUANTITY_DOC: Doc = { type: ["string", "number"], title: "quantity" };

export const cpuQuantity = () =>
  field<string>({
    doc: QUANTITY_DOC,
    expected: 'an amount of CPU such as 2, "1.5" or "500m"',
    read: (value) => {
      const written = quantityText(value);
      return written !== undefined && (parseQuantity(written) ?? 0) > 0 ? written : undefined;
    },
  });

export const memoryQuantity = () =>
  field<string>({
    doc: QUANTITY_DOC,
    expected: (value) => checkMemory(quantityText(value) ?? "") ?? "an amount",
    read: (value) => {
      const written = quantityText(value);
      return written !== undefined && checkMemory(written) === undefined ? written : undefined;
    },
  });

/** Any amount, as it is written. */
export const amount = () =>
  field<string>({ doc: QUANTITY_DOC, expected: "an amount such as 1", read: quantityText });

function quantityText(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : undefined;
}

/** One of a few words. */
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  field<Words[number]>({
    doc: { enum: words, title: words.map((word) => `"${word}"`).join(" or ") },
    expected: `one of ${words.map((word) => `"${word}"`).join(", ")}`,
    read: (value) => words.find((word) => word === value),
  });

/** One of the access modes, also as a list of one. */
export const accessMode = () => {
  const words = ["ReadOnlyMany", "ReadWriteMany"] as const;
  return field<(typeof words)[number]>({
    doc: {
      anyOf: [{ enum: words }, { type: "array", items: { enum: words }, minItems: 1, maxItems: 1 }],
      title: '"ReadOnlyMany" or "ReadWriteMany"',
    },
    expected: 'one of "ReadOnlyMany", "ReadWriteMany"',
    read: (value) => {
      const single: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
      return words.find((word) => word === single);
    },
  });
};
