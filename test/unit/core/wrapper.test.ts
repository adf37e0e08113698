import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { build, expand } from "./samples.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "gasw-job-"));
  for (const folder of ["sh", "out", "err"]) mkdirSync(path.join(directory, folder));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** Starts a job's command as the container does: the expanded arguments, in the workflow's directory. */
/** @param script its text; undefined where it is gone */
function start(script: string | undefined, jobId = "Job-1", env: Record<string, string> = {}): ChildProcess {
  if (script !== undefined) writeFileSync(path.join(directory, "sh", `${jobId}.sh`), script);
  const [program = "", ...args] = (build({}, {}, jobId).main.command ?? []).map((text) => expand(text, {}));
  return spawn(program, args, { cwd: directory, env: { PATH: process.env.PATH, ...env }, stdio: "ignore" });
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

const read = (name: string) => readFileSync(path.join(directory, name), "utf8");

async function appears(name: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!existsSync(path.join(directory, name))) {
    if (Date.now() > deadline) throw new Error(`${name} did not appear`);
    await sleep(5);
  }
}

describe("a job's command, run by a real shell", () => {
  test("runs the script in the workflow's directory, its streams in out/ and err/", async () => {
    expect(await codeOf(start('pwd; echo oops >&2; echo $# "$0"'))).toBe(0);
    expect(read("out/Job-1.sh.out")).toBe(`${directory}\n0 ./sh/Job-1.sh\n`);
    expect(read("err/Job-1.sh.err")).toBe("oops\n");
  });

  test("ends with the script's own exit code, whichever it is", async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    const seen: (number | null)[] = [];
    for (let first = 0; first < codes.length; first += 16) {
      const some = codes.slice(first, first + 16).map((code) => codeOf(start(`exit ${code}\n`, `Job-${code}`)));
      seen.push(...(await Promise.all(some)));
    }
    expect(seen).toEqual(codes);
  });

  test("takes any legal file name as a name, never as code", async () => {
    const unit = fc.constantFrom(
      " ",
      "'",
      '"',
      "\n",
      "$",
      "(",
      ")",
      "`",
      "\\",
      "*",
      "?",
      ";",
      "|",
      "&",
      "-",
      "!",
      "é",
      "~",
      "touch hacked",
    );
    await fc.assert(
      fc.asyncProperty(fc.string({ unit, minLength: 1, maxLength: 12 }), async (jobId) => {
        expect(await codeOf(start("echo done", jobId))).toBe(0);
        expect(read(`out/${jobId}.sh.out`)).toBe("done\n");
        expect(existsSync(path.join(directory, "hacked"))).toBe(false);
      }),
      { numRuns: 40, examples: [["$(touch hacked)"], ["`touch hacked`"], ["a'; touch hacked; '"], ['"; touch hacked; "'], ["-n\n$(A)"]] },
    );
  });

  test("leaves the job's environment as it is", async () => {
    const env = { pid: "1", code: "2", A: "$(B) $$" };
    expect(await codeOf(start('echo "$pid $code $A"', "Job-1", env))).toBe(0);
    expect(read("out/Job-1.sh.out")).toBe("1 2 $(B) $$\n");
  });

  test("is 137 when the script is killed, and says so in err/", async () => {
    expect(await codeOf(start("kill -KILL $$"))).toBe(137);
    expect(read("err/Job-1.sh.err")).toContain("Killed");
  });

  test("is 127 when the script is gone", async () => {
    expect(await codeOf(start(undefined))).toBe(127);
    expect(read("err/Job-1.sh.err")).toContain("No such file");
  });

  test.each(["out", "err"])("runs nothing when %s/ can't be written, and ends with GASW's ERROR_WRITE_LOCAL", async (folder) => {
    rmSync(path.join(directory, folder), { recursive: true });
    expect(await codeOf(start("touch ran"))).toBe(7);
    expect(existsSync(path.join(directory, "ran"))).toBe(false);
  });
});

describe("SIGTERM to a job's command", () => {
  test.each([{}, { POSIXLY_CORRECT: "1" }])("ends the script at once, as the signal does (%j)", async (env) => {
    const child = start("touch ready; exec sleep 60", "Job-1", env);
    await appears("ready");
    const begin = performance.now();
    child.kill("SIGTERM");
    expect(await codeOf(child)).toBe(143);
    expect(performance.now() - begin).toBeLessThan(3000);
  });

  test("lets the script end in its own way, and its exit code counts", async () => {
    for (let round = 0; round < 10; round++) {
      rmSync(path.join(directory, "ready"), { force: true });
      const child = start("trap 'echo bye; exit 7' TERM\ntouch ready\nwhile :; do sleep 0.01; done");
      await appears("ready");
      child.kill("SIGTERM");
      expect(await codeOf(child)).toBe(7);
      expect(read("out/Job-1.sh.out")).toBe("bye\n");
    }
  });

  test("runs the script's EXIT trap", async () => {
    const child = start("trap 'echo cleaned' EXIT\ntouch ready\nsleep 1");
    await appears("ready");
    child.kill("SIGTERM");
    expect(await codeOf(child)).toBe(143);
    expect(read("out/Job-1.sh.out")).toBe("cleaned\n");
  });

  test("is waited out where the script goes on, however often it comes", async () => {
    const child = start("trap 'touch got' TERM\ntouch ready\nuntil [ -e go ]; do sleep 0.01; done\necho finished; exit 3");
    await appears("ready");
    for (let round = 0; round < 3; round++) {
      child.kill("SIGTERM");
      await appears("got");
      rmSync(path.join(directory, "got"));
    }
    writeFileSync(path.join(directory, "go"), "");
    expect(await codeOf(child)).toBe(3);
    expect(read("out/Job-1.sh.out")).toBe("finished\n");
  });
});
