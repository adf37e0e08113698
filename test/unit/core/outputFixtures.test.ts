import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "./outputs.ts";

const fixtures = path.resolve(import.meta.dirname, "../../fixtures/output");

type Recipe = Readonly<Record<"out" | "err", readonly (readonly [text: string, times: number])[]>>;

interface Expected {
  readonly facts: unknown;
  /** The application's own streams, read as Latin-1; of long ones the length. */
  readonly appOut: string | number;
  readonly appErr: string | number;
}

const json = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

/** A job's streams: two files, or a recipe for what is too large for the repository. */
function streamsOf(folder: string): readonly [Buffer, Buffer] {
  const file = path.join(folder, "recipe.json");
  if (!existsSync(file)) return [readFileSync(path.join(folder, "out")), readFileSync(path.join(folder, "err"))];
  const recipe = json(file) as Recipe;
  const cook = (name: keyof Recipe) => Buffer.from(recipe[name].map(([text, times]) => text.repeat(times)).join(""));
  return [cook("out"), cook("err")];
}

describe("the output of a job in test/fixtures/output", () => {
  test.each(readdirSync(fixtures))("is understood: %s", (name) => {
    const folder = path.join(fixtures, name);
    const expected = json(path.join(folder, "expected.json")) as Expected;
    const streams = streamsOf(folder);
    for (const sizes of [[Number.MAX_SAFE_INTEGER], [4093], [1, 100_000, 17]]) {
      const { facts, appOut, appErr } = parse(...streams, sizes);
      const told = (app: Buffer, as: string | number) => (typeof as === "number" ? app.length : app.toString("latin1"));
      expect({ facts, appOut: told(appOut, expected.appOut), appErr: told(appErr, expected.appErr) }).toEqual(expected);
    }
  });
});
