import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configurationLine } from "../../src/core/gasw/jobConfiguration.ts";
import { COMMANDS } from "../../src/core/image/needs.ts";
import { type ProbeReport, readReport } from "../../src/core/image/probeReport.ts";
import { probeScript } from "../../src/core/image/probeScript.ts";

let folder: string;
let bin: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-probe-script-"));
  bin = path.join(folder, "bin");
  for (const name of ["bin", "config", "inv", "home"]) mkdirSync(path.join(folder, name));
  writeFileSync(path.join(folder, "inv/Probe-1-invocation.json"), '{"probe":"1"}\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a program into the image. */
function put(name: string, text: string): string {
  const file = path.join(bin, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

/** What the script reports in an image that has these programs, and no others. */
function report(env: Record<string, string> = {}, boshFolder = ""): ProbeReport {
  writeFileSync(path.join(folder, "config/Probe-1-configuration.sh"), configurationLine("boshCVMFSPath", boshFolder));
  writeFileSync(path.join(folder, "probe.sh"), probeScript("Probe-1"));
  const given = { PATH: bin, HOME: path.join(folder, "home"), ...env };
  const stdout = execFileSync("/bin/bash", ["probe.sh"], {
    cwd: folder,
    env: given,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return readReport(stdout.split("\n"));
}

describe("the script of the probe job", () => {
  test("comes to its end in an image that has nothing but bash", () => {
    const { isWhole, has, lacks, values } = report();
    expect([...has]).toEqual([]);
    expect([...lacks]).toEqual(expect.arrayContaining([...COMMANDS, "python"]));
    expect(isWhole).toBe(true);
    expect(values).toMatchObject({ nonce: '{"probe":"1"}', home: path.join(folder, "home"), site: "" });
    expect(values["bosh-at"] ?? values.bosh ?? values["bosh-fails"] ?? values.json).toBeUndefined();
  });

  test("says what it finds where a program is found, and what it has said where it fails", () => {
    symlinkSync("/bin/cat", path.join(bin, "cat"));
    put("python", "#!/bin/bash\nprintf 'Traceback\\nModuleNotFoundError: %s\\n\\n' json >&2\nexit 1\n");
    const interpreter = put("interpreter", '#!/bin/bash\necho "called $*" >&2\n[ "$1" = -c ] && echo 0.5.33\n');
    put("bosh", `#!${interpreter}\n`);
    const { has, values } = report({ SITE_NAME: "a site" });
    expect(has).toEqual(new Set(["cat", "python"]));
    expect(values).toMatchObject({ "no-json": "ModuleNotFoundError: json", interpreter, boutiques: "0.5.33", site: "a site" });
    expect(values["bosh-fails"]).toBe(`called ${bin}/bosh create gasw-k8s-probe.json`);
  });

  test.each([
    ["the path of no Python", "#!/usr/bin/env nosuch\n", "/usr/bin/env nosuch"],
    ["nothing", "\x7fELF\0\x01\n", "\x7fELF\x01"],
  ])("does not stumble over a bosh whose first line names %s", (_, text, interpreter) => {
    put("bosh", text);
    const { isWhole, values } = report();
    expect(isWhole).toBe(true);
    expect(values.interpreter).toBe(interpreter);
    expect(values["no-boutiques"]).toMatch(/No such file or directory|command not found/);
  });

  describe("finds the bosh that GASW's scripts would take", () => {
    const inFolder = (name: string, code: number) => {
      mkdirSync(path.join(folder, name), { recursive: true });
      return put(`../${name}/bosh`, `#!/bin/bash\necho from ${name}\nexit ${code}\n`);
    };
    const taken = (boshFolder: string) => report({ THERE: folder }, boshFolder).values;
    beforeEach(() => {
      symlinkSync("/usr/bin/find", path.join(bin, "find"));
    });

    test("where GASW's settings say, with what the shell makes of it", () => {
      inFolder("bin", 0);
      inFolder("set", 0);
      expect(taken('"$THERE/set"')).toMatchObject({ "bosh-at": `${folder}/set/bosh`, bosh: "from set" });
    });

    test("on the PATH, if that does not work", () => {
      inFolder("set", 1);
      inFolder("bin", 0);
      expect(taken(`${folder}/set`)).toMatchObject({ "bosh-at": `${bin}/bosh`, bosh: "from bin" });
    });

    test("below HOME, if there is none on the PATH", () => {
      inFolder("home/.local/bin", 0);
      expect(taken("/nowhere")).toMatchObject({ "bosh-at": `${folder}/home/.local/bin/bosh`, bosh: "from home/.local/bin" });
    });

    test("and says why that of the settings does not work, if there is no other", () => {
      inFolder("set", 1);
      expect(taken(`${folder}/set`)).toMatchObject({ "bosh-at": `${folder}/set/bosh`, "bosh-fails": "from set" });
    });
  });

  test("says which HOME it could not write to", () => {
    expect(report({ HOME: "/proc" }).values).toMatchObject({ "no-home": "/proc" });
  });
});
