import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const units = path.join(root, "deploy/systemd");
const isMissing = spawnSync("systemd-analyze", ["--version"]).error !== undefined;

describe.skipIf(isMissing)("deploy/systemd, where systemd-analyze is installed", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-units-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function verified(program: string): { status: number | null; said: string } {
    const files = readdirSync(units).map((name) => {
      const file = path.join(folder, name);
      writeFileSync(file, readFileSync(path.join(units, name), "utf8").replace(/^ExecStart=gasw-k8s /m, `ExecStart=${program} `));
      return file;
    });
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--recursive-errors=no", ...files], { encoding: "utf8" });
    return { status, said: stdout + stderr };
  }

  test("is what systemd takes, with the checkout's program in the place of the installed one", () => {
    expect(verified(path.join(root, "bin/gasw-k8s.js"))).toEqual({ status: 0, said: "" });
  });

  test("starts the program that it names", () => {
    expect(verified("gasw-k8s-missing")).toEqual({ status: 1, said: expect.stringContaining("gasw-k8s-missing is not executable") });
  });
});
