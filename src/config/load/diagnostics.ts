/**
 * Errors and warnings with the lines of the files. Loaded only when there is one, or when `config show` asks
 * for lines.
 */

import type { Modernised } from "../schema/generations.ts";
import { environmentNames, type KeyNode, rootNode } from "../schema/keys.ts";
import { lineFinder } from "../text/locate.ts";
import { didYouMean } from "../text/nearest.ts";
import { keyText, type Origin, originText } from "../text/origin.ts";
import { type Problem, type Refusal, refusalProblem } from "../text/problems.ts";
import type { SourceFile, UnknownKey } from "./found.ts";
import type { Merged } from "./merge.ts";

/** What the schema refused, each where it stands. */
export function refusalProblems(
  refusals: readonly Refusal[],
  files: readonly SourceFile[],
  merged: Merged,
): Problem[] {
  return refusals.map((refusal) => {
    const origin = originAt(merged.origins, refusal.path);
    const file = origin.kind === "file" ? files.find(({ path }) => path === origin.path) : undefined;
    const line = file && lineFinder(file.text)(spelledPath(file, refusal.path));
    const where = originText(line === undefined || origin.kind !== "file" ? origin : { ...origin, line });
    return refusalProblem(refusal, where, merged.values);
  });
}

/** Keys given in two spellings with different values. */
export function conflictProblems(files: readonly SourceFile[]): Problem[] {
  const conflicts = files.flatMap((file) => file.conflicts.map((conflict) => ({ file, ...conflict })));
  return conflicts.map(({ file, key, spelling }) => {
    const lineOf = lineFinder(file.text);
    const [line, otherLine] = [lineOf(key.split(".")), lineOf(spelling.split("."))];
    return {
      message: `${file.path}:${otherLine}: ${spelling} and ${key} (line ${line}) are the same key, but have different values`,
      hint: `remove one of them; the canonical name is ${key}`,
    };
  });
}

/** Keys that nobody reads. */
export function unknownKeyWarnings(
  unknown: readonly (UnknownKey & { readonly file: SourceFile })[],
): string[] {
  return unknown.map(({ file, path, known }) => {
    const line = lineFinder(file.text)(spelledPath(file, path));
    const prefix = keyText(path.slice(0, -1));
    const nearest = didYouMean(String(path.at(-1)), known);
    const at = originText({ kind: "file", path: file.path, ...(line === undefined ? {} : { line }) });
    return `unknown key "${prefix}${prefix ? "." : ""}${String(path.at(-1))}" in ${at}${nearest}`;
  });
}

/** Variables that nobody reads. */
export function unknownVariableWarnings(names: readonly string[]): string[] {
  const known = [...environmentNames().keys(), "GASW_K8S_CONFIG"];
  return names.map((name) => `unknown environment variable ${name}${didYouMean(name, known)}`);
}

/** The origins with the lines in the files. */
export function locateOrigins(
  origins: ReadonlyMap<string, Origin>,
  files: readonly SourceFile[],
): ReadonlyMap<string, Origin> {
  const finders = new Map(files.map((file) => [file.path, { file, lineOf: lineFinder(file.text) }]));
  return new Map(
    [...origins].map(([key, origin]) => {
      const found = origin.kind === "file" ? finders.get(origin.path) : undefined;
      const line = found?.lineOf(spelledPath(found.file, originPath(key)));
      return [key, line === undefined || origin.kind !== "file" ? origin : { ...origin, line }];
    }),
  );
}

/** The path of a dotted key in `origins`, where names in records keep their dots. */
function originPath(key: string): readonly string[] {
  const path: string[] = [];
  const rest = key.split(".");
  for (let node: KeyNode | undefined = rootNode; rest.length > 0; ) {
    // A security context is a record whose values are objects.
    const isName: boolean = node?.kind === "record" && path[0] !== "securityContext";
    const name: string = isName ? rest.splice(0).join(".") : (rest.shift() ?? "");
    path.push(name);
    node = node?.keys?.get(name);
  }
  return path;
}

/** The way to the shown line of a canonical key in a file that may spell it otherwise. */
function spelledPath(file: Modernised, path: readonly PropertyKey[]): readonly PropertyKey[] {
  for (let length = path.length; length > 0; length -= 1) {
    const spelling = file.spelledAs.get(path.slice(0, length).map(String).join("."));
    if (spelling !== undefined) return [...spelling.split("."), ...path.slice(length)];
  }
  return path;
}

/** The origin of the value at a path, or of the nearest value around or, for an object, below it. */
function originAt(origins: ReadonlyMap<string, Origin>, path: readonly PropertyKey[]): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const key = path.slice(0, length).map(String).join(".");
    const origin = origins.get(key);
    if (origin) return origin;
    for (const [known, below] of origins) if (known.startsWith(`${key}.`)) return below;
  }
  return { kind: "default" };
}
