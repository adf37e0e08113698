import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { run } from "../../../src/cli/program.ts";
import { ioDouble } from "../io.ts";

const CORE = path.join(import.meta.dirname, "../../../src/core");
/** Where remedies stand beside the causes, and the options that they name. */
const OTHERS = ["lifecycle/refusal.ts", "lifecycle/quota.ts", "manifests/resourceNames.ts"];
/** The texts of all sentences and remedies, as they stand in the code. */
const code = [...readdirSync(path.join(CORE, "why")).map((file) => `why/${file}`), ...OTHERS].map(
  (file) => [file, readFileSync(path.join(CORE, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")] as const,
);

async function helpOf(...words: string[]): Promise<string> {
  const { io, stdout } = ioDouble({});
  expect(await run([...words, "--help"], io, "0")).toBe(0);
  return stdout();
}

/** The commands that a help text lists. */
function listed(help: string): string[] {
  const [, list = ""] = help.split("\nCommands:\n");
  return [...(list.split("\n\n")[0] ?? "").matchAll(/^ {2}([a-z|]+)/gm)].flatMap(([, names = ""]) => names.split("|"));
}

let options: Set<string>;
let commands: Set<string>;
beforeAll(async () => {
  const top = listed(await helpOf());
  const debug = listed(await helpOf("debug"));
  commands = new Set([...top, ...debug.map((name) => `debug ${name}`)]);
  const helps = await Promise.all(
    top.filter((name) => name !== "help" && name !== "debug" && name !== "config").map((name) => helpOf(name)),
  );
  options = new Set(helps.flatMap((help) => help.match(/--[a-z][a-z-]+/g) ?? []));
});

test.each(code)("%s names only options that exist", (_, text) => {
  const own = text.replaceAll(/kubectl [^`"]*/g, "");
  const named = own.match(/(?<![\w-])--[a-z][a-z-]+/g) ?? [];
  expect(named.filter((option) => !options.has(option))).toEqual([]);
});

test.each(code)("%s names only commands that exist", (_, text) => {
  const named = [...text.matchAll(/gasw-k8s ((?:debug )?[a-z]+)/g)].map(([, words = ""]) => words);
  expect(named.filter((words) => !commands.has(words))).toEqual([]);
});
