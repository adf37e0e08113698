import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

const LAYERS = ["core", "config", "kubernetes", "store", "dao", "ui", "services", "commands"] as const;
const ABOVE_ALL = ["context.ts", "cli", "main.ts"];
const BELOW_ALL = ["errors.ts", "directory.ts", "fileOwner.ts", "shipped.ts", "textFile.ts"];
/** What opens SQLite files, for the two that have some. */
const SQLITE = "sqliteModule.ts";

/** What of src/ a layer may import, beside itself. */
const MAY_IMPORT: Readonly<Record<(typeof LAYERS)[number], readonly string[]>> = {
  core: ["errors.ts"],
  config: ["core", ...BELOW_ALL],
  kubernetes: ["core", "config", ...BELOW_ALL],
  store: ["core", SQLITE, ...BELOW_ALL],
  dao: ["core", SQLITE, "errors.ts", "fileOwner.ts", "shipped.ts", "textFile.ts"],
  ui: ["core", "errors.ts"],
  services: ["core", "config", "kubernetes", "store", "dao", ...BELOW_ALL],
  commands: ["core", "config", "kubernetes", "store", "dao", "ui", "services", "context.ts", ...BELOW_ALL],
};

/** What has to do with the world outside the process. */
const OUTSIDE = ["node:fs", "fs", "node:fs/promises", "node:net", "node:child_process", "better-sqlite3", "kysely", "pg", "chalk"];
const PURE = ["node:path", "node:crypto"];

let folder: string;
/** What each line of a file imports. */
const files = new Map<string, readonly string[]>();
/** The imports that the linter refuses, by file; it tells them in no order. */
const refused = new Map<string, Set<string>>();

/** A file whose every line imports another module. */
function write(file: string, specifiers: readonly string[], line = (specifier: string) => `import "${specifier}";`): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), `${specifiers.map(line).join("\n")}\n`);
  files.set(file, specifiers);
}
/** What a layer's file finds in the rest of src/, and how that is called by it. */
function others(layer: string, up: string): { target: string; specifier: string }[] {
  return [...LAYERS.filter((one) => one !== layer), ...ABOVE_ALL, ...BELOW_ALL, SQLITE].map((target) => ({
    target,
    specifier: target.endsWith(".ts") ? `${up}/${target}` : `${up}/${target}/some.ts`,
  }));
}

const specifiersOf = (layer: string, up: string) => others(layer, up).map(({ specifier }) => specifier);

function lint(): void {
  const biome = path.join(root, "node_modules/.bin/biome");
  const flags = ["--vcs-enabled=false", "--only=style/noRestrictedImports", "--max-diagnostics=none", "--reporter=github"];
  let report: string;
  try {
    report = execFileSync(biome, ["lint", ...flags, "src"], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    report = String((error as { stdout?: string }).stdout);
  }
  for (const [, file = "", line] of report.matchAll(/noRestrictedImports,file=([^,]+),line=(\d+)/g)) {
    const name = path.relative(folder, path.resolve(folder, file));
    const specifier = files.get(name)?.[Number(line) - 1] ?? `line ${line}`;
    refused.set(name, (refused.get(name) ?? new Set()).add(specifier));
  }
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-imports-"));
  copyFileSync(path.join(root, "biome.json"), path.join(folder, "biome.json"));
  for (const layer of LAYERS) {
    write(`src/${layer}/sample.ts`, ["./other.ts", "./client.ts", "./subject/other.ts", ...specifiersOf(layer, "..")]);
    write(`src/${layer}/outside.ts`, [...PURE, ...OUTSIDE]);
    // What is in a folder of the layer imports the layer's other files, too.
    write(`src/${layer}/subject/sample.ts`, ["../other.ts", "../beside/other.ts", ...specifiersOf(layer, "../..")]);
    write(`src/${layer}/subject/part/deep/sample.ts`, ["../../../other.ts", "./other.ts", ...specifiersOf(layer, "../../../..")]);
    write(`src/${layer}/subject/outside.ts`, [...PURE, ...OUTSIDE]);
  }
  write("src/store/dynamic.ts", ["../dao/dao.ts", "../core/job.ts"], (specifier) => `await import("${specifier}");`);
  write("src/store/again.ts", ["../dao/dao.ts", "../core/job.ts"], (specifier) => `export * from "${specifier}";`);
  write("src/dao/types.ts", ["../store/store.ts", "../core/job.ts"], (specifier) => `import type { T } from "${specifier}";`);
  lint();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the import rule of biome.json", () => {
  test("knows all that there is in src/", () => {
    const known = [...LAYERS, ...ABOVE_ALL, ...BELOW_ALL, SQLITE, "start.cjs", "text.d.ts"];
    expect(readdirSync(path.join(root, "src")).sort()).toEqual(known.sort());
  });

  describe.each([
    ["sample.ts", ".."],
    ["subject/sample.ts", "../.."],
    ["subject/part/deep/sample.ts", "../../../.."],
  ])("in %s", (file, up) => {
    test.each(LAYERS)("keeps %s to itself and what is below it", (layer) => {
      const forbidden = others(layer, up).filter(({ target }) => !MAY_IMPORT[layer].includes(target));
      expect(refused.get(`src/${layer}/${file}`)).toEqual(new Set(forbidden.map(({ specifier }) => specifier)));
    });
  });

  test.each(["outside.ts", "subject/outside.ts"])("keeps core, and nothing else, from input and output (%s)", (file) => {
    expect(refused.get(`src/core/${file}`)).toEqual(new Set(OUTSIDE));
    for (const layer of LAYERS.slice(1)) expect([layer, refused.get(`src/${layer}/${file}`)]).toEqual([layer, undefined]);
  });

  test.each([
    ["that is made at run time", "src/store/dynamic.ts", "../dao/dao.ts"],
    ["that is handed on", "src/store/again.ts", "../dao/dao.ts"],
    ["of types", "src/dao/types.ts", "../store/store.ts"],
  ])("holds for an import %s", (_, file, specifier) => {
    expect(refused.get(file)).toEqual(new Set([specifier]));
  });
});

describe("the files of src/", () => {
  const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const imports = new Map(
    sources.map((name) => {
      const text = readFileSync(path.join(root, "src", name), "utf8");
      const found = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+\.ts)"/g)];
      return [name, found.map(([, to = ""]) => path.join(path.dirname(name), to))];
    }),
  );

  test("import each other in no circle, types included", () => {
    const done = new Set<string>();
    const walk = (name: string, way: readonly string[]): void => {
      expect(way.includes(name), [...way, name].join(" -> ")).toBe(false);
      if (done.has(name)) return;
      for (const next of imports.get(name) ?? []) walk(next, [...way, name]);
      done.add(name);
    };
    for (const name of sources) walk(name, []);
  });

  test("make a status in the life cycle alone", () => {
    const makers = [...imports].filter(([, others]) => others.includes("core/lifecycle/make.ts")).map(([name]) => path.dirname(name));
    expect(new Set(makers)).toEqual(new Set(["core/lifecycle"]));
  });

  test("go one way among the subjects of services/", () => {
    const order = ["output", "workflow", "submit", "sync", "cleanup", "debug", "engine"];
    const subject = (name: string) => /^services\/(\w+)\//.exec(name)?.[1];
    for (const [name, others] of imports) {
      const from = order.indexOf(subject(name) ?? "");
      for (const other of others)
        if (from >= 0) expect(order.indexOf(subject(other) ?? ""), `${name} -> ${other}`).toBeLessThanOrEqual(from);
    }
  });
});
