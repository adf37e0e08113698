import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS, HELPERS } from "../../../src/core/image/needs.ts";

const read = (name: string) => readFileSync(path.resolve(import.meta.dirname, "../../..", name), "utf8");
const page = read("docs/images.md");

describe("docs/images.md", () => {
  test("names in its table every command that the probe looks for, and no other", () => {
    const table = page.slice(page.indexOf("| what | what for |"), page.indexOf("\n`bosh.cvmfs.path` in GASW's settings"));
    const named = table.split("\n").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([\w-]+)`/g)].map(([, name]) => name));
    const others = ["bash", "python", "json", "bosh"];
    expect(new Set(named.filter((name) => !others.includes(name ?? "")))).toEqual(
      new Set([...COMMANDS, ...HELPERS.flatMap(({ commands }) => commands)]),
    );
    expect(named).toEqual(expect.arrayContaining(others));
  });

  test("shows the recipe as it is built", () => {
    const recipe = read("deploy/job-image/install.sh")
      .trimEnd()
      .replaceAll(/^(?=.)/gm, "    ");
    expect(page).toContain(`\n${recipe}\n`);
    expect(page).toContain(`boutiques==${/boutiques==([\d.]+)/.exec(recipe)?.[1]}`);
  });
});
