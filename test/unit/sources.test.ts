import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../../src");

/** The sources, without their comments. */
const SOURCES = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, code: readFileSync(path.join(ROOT, file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "") }));

/** The sources in which a pattern occurs. */
const having = (pattern: RegExp, within: (file: string) => boolean = () => true) =>
  SOURCES.filter(({ file, code }) => within(file) && pattern.test(code)).map(({ file }) => file);

const isCore = (file: string) => file.startsWith(`core${path.sep}`);

describe("the sources", () => {
  test("are found", () => expect(SOURCES.length).toBeGreaterThan(50));

  test("end the process nowhere: a command returns its exit code", () => expect(having(/process\.(exit|abort)\b/)).toEqual([]));

  test("take streams, environment and arguments from the process in main.ts alone", () =>
    expect(having(/process\.(std(in|out|err)|env|argv|cwd|exitCode|on|once)\b/, (file) => file !== "main.ts")).toEqual([]));

  test("build the paths of the API server in kubernetes/paths.ts alone", () =>
    expect(having(/\/apis?\/|\/namespaces\//)).toEqual([path.join("kubernetes", "paths.ts")]));

  test("have a core that asks neither clock nor chance", () =>
    expect(having(/new Date\(\)|Date\.now|performance\.|Math\.random|randomUUID|randomBytes/, isCore)).toEqual([]));

  test("have a core that does nothing asynchronous", () => expect(having(/\b(async|await|Promise|setTimeout)\b/, isCore)).toEqual([]));

  test("never import the cluster's client library where only its types are meant", () =>
    expect(having(/^import (?!type)[^;]*from "@kubernetes\/client-node"/m)).toEqual([]));

  test("take the types of the cluster's objects from core/wire.ts, whose dates are text", () => {
    // A kubeconfig is none of them.
    const terminal = path.join("kubernetes", "terminal.ts");
    expect(having(/"@kubernetes\/client-node"/, (file) => file !== terminal)).toEqual([path.join("core", "wire.ts")]);
  });
});
