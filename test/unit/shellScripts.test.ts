import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const SCRIPTS = ["cluster", "scripts", ".ci"]
  .flatMap((folder) => readdirSync(path.join(root, folder)).map((file) => path.join(folder, file)))
  .filter((file) => file.endsWith(".sh") || file === path.join(".ci", "run"));

/** What stops reading before its input ends: what still writes then fails, by chance, and the script with it (pipefail). */
const EARLY_ENDS = [/\|\s*head\b/, /\|\s*grep\s+-\w*[qm]/, /\|\s*awk\b.*\bexit\b(?!.*END)/, /\|\s*sed\b.*\dq/, /\|\s*read\b/];

describe("the shell scripts", () => {
  test.each(SCRIPTS)("%s ends where a command fails, and pipes into nothing that ends early", (file) => {
    const text = readFileSync(path.join(root, file), "utf8");
    const isSourced = !text.startsWith("#!");
    expect(isSourced || text.includes("\nset -euo pipefail\n")).toBe(true);
    expect(text.split("\n").filter((line) => EARLY_ENDS.some((pattern) => pattern.test(line)))).toEqual([]);
  });
});
