import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JobRequest } from "../../../src/core/job.ts";
import { parseEndRecord } from "../../../src/core/lifecycle/endRecord.ts";
import { build, expand, WORKFLOW } from "./samples.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "gasw-job-"));
  for (const folder of ["sh", "out", "err", ".gasw-k8s/run", ".gasw-k8s/end"]) mkdirSync(path.join(directory, folder), { recursive: true });
});

afterEach(() => rmSync(directory, { recursive: true }));

interface Surroundings {
  readonly env?: Record<string, string>;
  readonly request?: Partial<JobRequest>;
  readonly uid?: string;
  /** As whom it runs, where that is not the user who runs the tests. */
  readonly user?: number;
}

/**
 * Starts a job's command as the container does: the expanded arguments, in the workflow's directory.
 * @param script its text; undefined where it is gone
 */
function start(
  script: string | undefined,
  jobId = "Job-1",
  { env = {}, request = {}, uid = "uid-1", user }: Surroundings = {},
): ChildProcess {
  if (script !== undefined) writeFileSync(path.join(directory, "sh", `${jobId}.sh`), script);
  const [program = "", ...args] = (build({}, {}, jobId, request).main.command ?? []).map((text) => expand(text, {}));
  return spawn(program, args, {
    cwd: directory,
    env: { PATH: process.env.PATH, GASW_K8S_POD_UID: uid, ...env },
    stdio: "ignore",
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

const read = (name: string) => readFileSync(path.join(directory, name), "utf8");

async function appears(name: string): Promise<void> {
  const deadline = Date.now() + 60_000;
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
    expect(await codeOf(start('echo "$pid $code $A $GASW_K8S_POD_UID"', "Job-1", { env }))).toBe(0);
    expect(read("out/Job-1.sh.out")).toBe("1 2 $(B) $$ \n");
  });

  test("is 137 when the script is killed, and says so in err/", async () => {
    // While the wrapper holds descriptor 9 it starts the script, and its shell tells of nothing.
    expect(await codeOf(start("while [ -e /proc/$PPID/fd/9 ]; do :; done; kill -KILL $$"))).toBe(137);
    expect(read("err/Job-1.sh.err")).toContain("Killed");
  });

  test("is 127 when the script is gone", async () => {
    expect(await codeOf(start(undefined))).toBe(127);
    expect(read("err/Job-1.sh.err")).toContain("No such file");
  });

  test.each(["out", "err"])("runs nothing when %s/ cannot be written, and ends with GASW's ERROR_WRITE_LOCAL", async (folder) => {
    rmSync(path.join(directory, folder), { recursive: true });
    expect(await codeOf(start("touch ran"))).toBe(7);
    expect(existsSync(path.join(directory, "ran"))).toBe(false);
  });
});

describe("SIGTERM to a job's command", () => {
  test.each([{}, { POSIXLY_CORRECT: "1" }])("ends the script at once, as the signal does (%j)", async (env) => {
    const child = start("touch ready; exec sleep 60", "Job-1", { env });
    await appears("ready");
    const begin = performance.now();
    child.kill("SIGTERM");
    expect(await codeOf(child)).toBe(143);
    expect(performance.now() - begin).toBeLessThan(30_000);
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
    const child = start("trap 'echo cleaned; kill $!' EXIT\nsleep 60 &\ntouch ready\nwait");
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

/** Names in the workflow directory, without those that every workflow has. */
const left = () => readdirSync(directory).filter((name) => ![".gasw-k8s", "cache", "err", "out", "sh"].includes(name));

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGWINCH", "SIGPWR"] as const;

describe("any stop signal to a job's command", () => {
  test.each(SIGNALS)("%s reaches the script as TERM, and is recorded", async (signal) => {
    const child = start("trap 'echo bye; exit 7' TERM\ntouch ready\nwhile :; do sleep 0.01; done");
    await appears("ready");
    child.kill(signal);
    expect(await codeOf(child)).toBe(7);
    expect(read("out/Job-1.sh.out")).toBe("bye\n");
    expect(recordOf("uid-1")).toMatchObject({ code: 7, signal: signal.slice(3) });
  });

  test("reaches a script that handles INT and QUIT itself, when they are sent to the script", async () => {
    expect(await codeOf(start("trap 'echo int' INT\ntrap 'echo quit' QUIT\nkill -INT $$\nkill -QUIT $$"))).toBe(0);
    expect(read("out/Job-1.sh.out")).toBe("int\nquit\n");
  });
});

function recordOf(uid: string) {
  const [name = ""] = readdirSync(path.join(directory, ".gasw-k8s/end")).filter((file) => file.endsWith(`.${uid}`));
  return parseEndRecord(read(`.gasw-k8s/end/${name}`));
}

describe("the record of a job's end", () => {
  test("has the attempt, the pod, the code and the sizes of the streams", async () => {
    await codeOf(start("echo 12345\necho 123 >&2\nexit 3"));
    const [attempt] = build().job.metadata?.name?.split("\n") ?? [];
    expect(recordOf("uid-1")).toMatchObject({ attempt, podUid: "uid-1", code: 3, signal: undefined, outBytes: 6, errBytes: 4 });
  });

  test("is never written through a link, nor over another one", async () => {
    const name = `${build().job.metadata?.name}.uid-1`;
    symlinkSync(path.join(directory, "target"), path.join(directory, ".gasw-k8s/end", name));
    expect(await codeOf(start("exit 3"))).toBe(3);
    expect(existsSync(path.join(directory, "target"))).toBe(false);
    writeFileSync(path.join(directory, ".gasw-k8s/end", name.replace("uid-1", "uid-2")), "old");
    expect(await codeOf(start("exit 3", "Job-1", { uid: "uid-2" }))).toBe(3);
    expect(read(`.gasw-k8s/end/${name.replace("uid-1", "uid-2")}`)).toBe("old");
  });

  test("is left out where a pipe has its name, which nobody reads", async () => {
    execFileSync("mkfifo", [path.join(directory, ".gasw-k8s/end", `${build().job.metadata?.name}.uid-1`)]);
    expect(await codeOf(start("exit 3"))).toBe(3);
  });

  test("is left out where its folder is a link, or is missing", async () => {
    rmSync(path.join(directory, ".gasw-k8s/end"), { recursive: true });
    expect(await codeOf(start("exit 3"))).toBe(3);
    mkdirSync(path.join(directory, "elsewhere"));
    symlinkSync(path.join(directory, "elsewhere"), path.join(directory, ".gasw-k8s/end"));
    expect(await codeOf(start("exit 4", "Job-1", { uid: "uid-2" }))).toBe(4);
    expect(readdirSync(path.join(directory, "elsewhere"))).toEqual([]);
  });
});

describe("the script of a job", () => {
  test("may signal its own process group: that is no stop", async () => {
    expect(await codeOf(start("trap '' TERM; kill 0; echo went on; exit 0"))).toBe(0);
    expect(recordOf("uid-1")).toMatchObject({ code: 0, signal: undefined });
  });

  test("has ended by itself where a signal comes while its end is being recorded", async () => {
    mkdirSync(path.join(directory, "bin"));
    // The provenance is moved when the script has ended.
    writeFileSync(path.join(directory, "bin/mv"), '#!/bin/sh\ntouch moving; sleep 0.3; exec /bin/mv "$@"\n', { mode: 0o755 });
    const env = { PATH: `${path.join(directory, "bin")}:${process.env.PATH}` };
    const child = start("touch Job-1.sh.provenance.json", "Job-1", { env, request: { isGenerated: true } });
    await appears("moving");
    child.kill("SIGTERM");
    expect(await codeOf(child)).toBe(0);
    expect(recordOf("uid-1")).toMatchObject({ code: 0, signal: undefined });
  });
});

describe("what an earlier pod has left in the streams' files", () => {
  test("is kept under a shorter name where the usual one is too long, and added to where it cannot be moved", async () => {
    const long = "J".repeat(240);
    await codeOf(start("echo first", long));
    await codeOf(start("echo second", long, { uid: "f".repeat(36) }));
    expect(read(`out/${long}.sh.out`)).toBe("second\n");
    const [kept = ""] = readdirSync(path.join(directory, "out")).filter((name) => name.includes(".before."));
    expect(read(`out/${kept}`)).toBe("first\n");
    rmSync(path.join(directory, "out", kept));
    // An image without `mv`.
    mkdirSync(path.join(directory, "bin"));
    symlinkSync("/bin/bash", path.join(directory, "bin/bash"));
    await codeOf(start("echo third", long, { uid: "uid-3", env: { PATH: path.join(directory, "bin") } }));
    expect(read(`out/${long}.sh.out`)).toBe("second\nthird\n");
  });

  test("is kept beside them", async () => {
    await codeOf(start("echo first\necho oops >&2"));
    await codeOf(start("echo second", "Job-1", { uid: "uid-2" }));
    expect(read("out/Job-1.sh.out")).toBe("second\n");
    expect(read("out/Job-1.sh.out.before.uid-2")).toBe("first\n");
    expect(read("err/Job-1.sh.err.before.uid-2")).toBe("oops\n");
  });
});

/** GASW's order of steps: the trap, then the folder, then the work. */
const gaswScript = (removal: string, steps = "") => `
trap '${removal}' EXIT
${steps}
mkdir Job-1 || exit 22
cd Job-1 || exit 23
echo made > file
touch "$OLDPWD/begun"
echo '{}' > ../Job-1.sh.provenance.json
[ -e ../workflow.json ] && [ -d ../inv ] && [ -d ../cache ] || exit 24
echo done
`;
const REMOVALS = ["rm -Rf -- *", "\\rm * -Rf", "rm -rf ./*", "find . -delete"];
const GENERATED = { request: { isGenerated: true } };

describe("a script of GASW's", () => {
  beforeEach(() => {
    for (const folder of ["inv", "config", "db"]) mkdirSync(path.join(directory, folder));
    for (const file of ["workflow.json", "inv/Job-1-invocation.json", "db/jobs.mv.db", "out/Job-0.sh.out"])
      writeFileSync(path.join(directory, file), "{}");
  });
  const intact = () => {
    expect(
      left()
        .filter((name) => name !== "fill" && !name.endsWith(".provenance.json"))
        .sort(),
    ).toEqual(["config", "db", "inv", "workflow.json"]);
    expect(read("inv/Job-1-invocation.json") + read("db/jobs.mv.db") + read("out/Job-0.sh.out")).toBe("{}{}{}");
    expect(existsSync(path.join(directory, "sh/Job-1.sh"))).toBe(true);
  };

  test.each(REMOVALS)("runs in a folder of its own, whose removal by `%s` touches nothing else", async (removal) => {
    expect(await codeOf(start(gaswScript(removal), "Job-1", GENERATED))).toBe(0);
    expect(read("out/Job-1.sh.out")).toBe("done\n");
    expect(read("Job-1.sh.provenance.json")).toBe("{}\n");
    expect(read(".gasw-k8s/run/uid-1/.attempt")).toBe(`${build().job.metadata?.name}\n`);
    intact();
  });

  test.each(REMOVALS)("may do `%s` where it stands before its own folder is there", async (removal) => {
    expect(await codeOf(start(gaswScript(removal, "kill -TERM $$; sleep 1"), "Job-1", GENERATED))).toBe(143);
    intact();
  });

  test("runs beside the folder of an earlier run", async () => {
    mkdirSync(path.join(directory, "Job-1"));
    expect(await codeOf(start(gaswScript("rm -Rf -- *"), "Job-1", GENERATED))).toBe(0);
    expect(existsSync(path.join(directory, "Job-1"))).toBe(true);
  });

  test("has links to what it reads, and none to the streams, the database and other jobs' folders", async () => {
    mkdirSync(path.join(directory, "Job-2"));
    mkdirSync(path.join(directory, "provenance"));
    await codeOf(start("ls", "Job-1", GENERATED));
    expect(read("out/Job-1.sh.out").split("\n").filter(Boolean)).toEqual(["cache", "config", "inv", "provenance", "sh", "workflow.json"]);
    expect(lstatSync(path.join(directory, ".gasw-k8s/run/uid-1", WORKFLOW.id, "sh")).isSymbolicLink()).toBe(true);
  });

  test.runIf(process.getuid?.() === 0)(
    "does not run where the job's user cannot write in the workflow directory, and ends with 22",
    async () => {
      for (const folder of ["out", "err", ".gasw-k8s/run", ".gasw-k8s/end"]) chownSync(path.join(directory, folder), 65534, 65534);
      chmodSync(directory, 0o755);
      const child = start("echo ran", "Job-1", { ...GENERATED, user: 65534 });
      expect(await codeOf(child)).toBe(22);
      expect(read("out/Job-1.sh.out")).toBe("");
      expect(read("err/Job-1.sh.err")).toContain("Exiting with return value 22\n");
      expect(recordOf("uid-1")).toMatchObject({ code: 22 });
    },
  );

  test("keeps everything else, at whatever moment it is stopped, and by whatever signal", async () => {
    // A slow `date`, which is what GASW's script does first, widens the window in which the trap stands in the wrong place.
    const slow = (removal: string) => gaswScript(removal, "sleep 0.05").replace("echo done", "sleep 5");
    const signals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const;
    const stopped = async (number: number) => {
      const name = `Job-${number}`;
      const removal = REMOVALS[number % REMOVALS.length] ?? "";
      const child = start(slow(removal).replaceAll("Job-1", name), name, { ...GENERATED, uid: `uid-${number}` });
      setTimeout(() => child.kill(signals[number % signals.length]), Math.random() * 100);
      // Without a code it was ended before it could handle signals, as the first process of a container never is.
      expect([143, null]).toContain(await codeOf(child));
    };
    for (let first = 1; first <= 40; first += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => stopped(first + index)));
    intact();
  });

  describe.runIf(process.getuid?.() === 0)("in a file system of its own", () => {
    afterEach(() => execFileSync("umount", [directory]));
    /** A small file system in the place of the workflow directory. */
    const mounted = (options: string) => {
      for (const name of readdirSync(directory)) rmSync(path.join(directory, name), { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
      for (const folder of ["sh", "out", "err", ".gasw-k8s/run", ".gasw-k8s/end", "cache", "inv", "config", "db"])
        mkdirSync(path.join(directory, folder), { recursive: true });
      for (const file of ["workflow.json", "inv/Job-1-invocation.json", "db/jobs.mv.db", "out/Job-0.sh.out"])
        writeFileSync(path.join(directory, file), "{}");
      writeFileSync(path.join(directory, "sh/Job-1.sh"), gaswScript("rm -Rf -- *"));
    };

    test.each([
      // Its own files, and two for the streams.
      ["out of inodes", "nr_inodes=18", "", 22],
      ["full", "size=64k", "dd if=/dev/zero of=fill bs=4k 2>/dev/null", 22],
      ["read-only", "size=1m", "mount -o remount,ro .", 7],
    ])("that is %s does not run, and loses nothing", async (_, options, spoil, code) => {
      mounted(options);
      spawnSync("bash", ["-c", spoil], { cwd: directory });
      expect(await codeOf(start(undefined, "Job-1", GENERATED))).toBe(code);
      intact();
    });
  });

  test("does not run where the tool's folder is a link", async () => {
    rmSync(path.join(directory, ".gasw-k8s/run"), { recursive: true });
    mkdirSync(path.join(directory, "elsewhere"));
    symlinkSync(path.join(directory, "elsewhere"), path.join(directory, ".gasw-k8s/run"));
    expect(await codeOf(start("echo ran", "Job-1", GENERATED))).toBe(22);
    expect(readdirSync(path.join(directory, "elsewhere"))).toEqual([]);
  });

  test("has links to any number of files", async () => {
    for (let number = 0; number < 1201; number++) writeFileSync(path.join(directory, `input-${number}.txt`), "");
    await codeOf(start("ls | grep -c input-", "Job-1", GENERATED));
    expect(read("out/Job-1.sh.out")).toBe("1201\n");
  });
});

describe("the `rm` of a script's shell", () => {
  beforeEach(() => {
    mkdirSync(path.join(directory, "mine"));
    writeFileSync(path.join(directory, "notes.txt"), "");
  });

  test.each([
    "rm -Rf -- *",
    "\\rm * -Rf",
    "rm -rf ./*",
    "rm --recursive --force *",
    "rm -fr out",
    "rm -r ./sh/",
    'rm -rf "$PWD"',
    'rm -rf "$PWD/.gasw-k8s"',
    "cd mine; rm -rf ../sh",
  ])("refuses `%s` in the workflow directory", async (removal) => {
    expect(await codeOf(start(`${removal} && exit 9; echo went on; exit 3`))).toBe(3);
    expect(read("out/Job-1.sh.out")).toBe("went on\n");
    expect(read("err/Job-1.sh.err")).toMatch(/^rm: refusing to remove .*: all jobs of the workflow share it\n$/);
    expect(left().sort()).toEqual(["mine", "notes.txt"]);
  });

  test.each(["rm -rf mine notes.txt", "rm -f notes.txt; rm -r mine", "cd mine; mkdir sh out; rm -rf *; cd ..; rm -rf mine notes.txt"])(
    "lets `%s` go",
    async (removal) => {
      expect(await codeOf(start(`set -eu; ${removal}`))).toBe(0);
      expect(read("err/Job-1.sh.err")).toBe("");
      expect(left()).toEqual([]);
    },
  );

  test("refuses it in POSIX mode, too", async () => {
    await codeOf(start("rm -rf ./*; shopt -o posix", "Job-1", { env: { POSIXLY_CORRECT: "1" } }));
    expect(left().sort()).toEqual(["mine", "notes.txt"]);
    expect(read("out/Job-1.sh.out")).toMatch(/^posix\s+on\n$/);
  });

  test("is not what the script's own programs get, nor what it finds in its environment", async () => {
    writeFileSync(path.join(directory, "startup"), "FROM_STARTUP=yes");
    const env = { BASH_ENV: path.join(directory, "startup") };
    await codeOf(
      start("echo $FROM_STARTUP $BASH_ENV; bash -c 'declare -F; echo $FROM_STARTUP'", "Job-1", {
        env,
      }),
    );
    expect(read("out/Job-1.sh.out")).toBe(`yes ${env.BASH_ENV}\nyes\n`);
  });
});

describe("HOME", () => {
  test.each([
    ["is kept where it can be written", { HOME: "HERE" }, "HERE"],
    ["is a folder of the pod's where the image has none", {}, "/gasw-k8s-home"],
    ["is a folder of the pod's where it is /", { HOME: "/" }, "/gasw-k8s-home"],
    ["is a folder of the pod's where it cannot be written", { HOME: "/nowhere" }, "/gasw-k8s-home"],
  ])("%s", async (_, given: { HOME?: string }, expected) => {
    const env = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.replace("HERE", directory)]));
    await codeOf(start("echo $HOME", "Job-1", { env }));
    expect(read("out/Job-1.sh.out")).toBe(`${expected.replace("HERE", directory)}\n`);
  });
});
