import { chmodSync, chownSync, linkSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { GaswError } from "../../../src/errors.ts";
import {
  checkAccess,
  checkScript,
  isWorkflowDirectory,
  jobRequest,
  makeStreamFolders,
  ownerOf,
  workflowDirectory,
} from "../../../src/services/workflowFiles.ts";
import { folderWith } from "../folders.ts";

const isRoot = process.getuid?.() === 0;
/** Owner of the files of a workflow; only root can give them to another one. */
const OWNER = isRoot ? { uid: 12345, gid: 12346 } : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const STRANGER = { uid: 54321, gid: 54322 };

function failureOf(action: () => unknown): GaswError {
  try {
    action();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
  throw new Error("expected a GaswError, found none");
}

let directory: string;
const at = (name: string) => path.join(directory, name);
const check = (script: string, cwd = directory) => checkScript(script, directory, cwd);

beforeEach(() => {
  directory = folderWith({ "sh/Job-1.sh": "echo hello\n", "sh/empty.sh": "", "sh/notes.txt": "x", "other.sh": "x" });
});

describe("a script", () => {
  test("is named by its path from the current directory, or by a whole one", () => {
    expect(check("sh/Job-1.sh")).toEqual({ jobId: "Job-1", path: at("sh/Job-1.sh") });
    expect(check("Job-1.sh", at("sh"))).toEqual({ jobId: "Job-1", path: at("sh/Job-1.sh") });
    expect(check(at("sh/Job-1.sh"), "/")).toEqual({ jobId: "Job-1", path: at("sh/Job-1.sh") });
  });

  test.each([
    ["missing", "sh/Job-2.sh", "does not exist"],
    ["below a file", "sh/Job-1.sh/x.sh", "does not exist"],
    ["a directory", "sh", "is a directory"],
    ["empty", "sh/empty.sh", "is empty"],
    ["not named .sh", "sh/notes.txt", "is not named <job>.sh"],
    ["outside sh/", "other.sh", "is not in the folder sh/"],
    ["a device", "/dev/null", "is not a regular file"],
    ["in another workflow", "/etc/passwd", "is not in the folder sh/"],
    ["named with too many characters", `sh/${"x".repeat(300)}.sh`, "has a name that is too long"],
  ])("that is %s is refused", (_, script, why) => {
    expect(failureOf(() => check(script))).toMatchObject({ code: "USAGE", message: expect.stringContaining(why) });
  });

  test("whose output file could not be named is refused", () => {
    const name = `${"x".repeat(249)}.sh`;
    linkSync(at("sh/Job-1.sh"), at(`sh/${name}`));
    expect(failureOf(() => check(`sh/${name}`)).message).toContain("too long for its output file");
    expect(failureOf(() => check(`sh/${name}`)).message.length).toBeLessThan(250);
  });

  test("named just .sh names no job", () => {
    linkSync(at("sh/Job-1.sh"), at("sh/.sh"));
    expect(failureOf(() => check("sh/.sh")).message).toContain("is not named <job>.sh");
  });

  test("that is a link out of the workflow is refused, since the pod could not follow it", () => {
    symlinkSync("/etc/passwd", at("sh/out.sh"));
    symlinkSync("loop.sh", at("sh/loop.sh"));
    symlinkSync("Job-1.sh", at("sh/in.sh"));
    expect(failureOf(() => check("sh/out.sh")).message).toContain("is not in the folder sh/");
    expect(failureOf(() => check("sh/loop.sh")).message).toContain("is a loop of links");
    expect(check("sh/in.sh").jobId).toBe("in");
  });
});

describe("a workflow that is reached through a link", () => {
  test("takes its script by either path, and no other workflow's", () => {
    const links = folderWith();
    const linked = path.join(links, "workflow");
    symlinkSync(directory, linked);
    expect(checkScript(path.join(linked, "sh/Job-1.sh"), directory, "/").jobId).toBe("Job-1");
    expect(checkScript(at("sh/Job-1.sh"), linked, "/").jobId).toBe("Job-1");
    const other = folderWith({ "sh/Job-1.sh": "echo other\n" });
    expect(failureOf(() => checkScript(path.join(other, "sh/Job-1.sh"), linked, "/")).message).toContain("is not in the folder sh/");
    symlinkSync(at("other.sh"), at("sh/up.sh"));
    expect(failureOf(() => checkScript(path.join(linked, "sh/up.sh"), linked, "/")).message).toContain("is not in the folder sh/");
  });
});

describe("the workflow's directory", () => {
  test("is the one named, else the one that holds the script's sh/, else the current one", () => {
    expect(workflowDirectory(".", ["/other/sh/x.sh"], directory)).toBe(directory);
    expect(workflowDirectory(undefined, ["sh/Job-1.sh"], directory)).toBe(directory);
    expect(workflowDirectory(undefined, ["Job-1.sh"], at("sh"))).toBe(directory);
    expect(workflowDirectory(undefined, [], directory)).toBe(directory);
  });

  test.each([
    ["nowhere", "does not exist"],
    ["other.sh", "is not a directory"],
  ])("named %s is refused", (name, why) => {
    expect(failureOf(() => workflowDirectory(name, [], directory))).toMatchObject({ code: "USAGE", message: expect.stringContaining(why) });
  });

  test("is known by its folder sh/", () => {
    expect(isWorkflowDirectory(directory)).toBe(true);
    expect(isWorkflowDirectory(at("sh"))).toBe(false);
    expect(isWorkflowDirectory(at("nowhere"))).toBe(false);
  });

  test("says as whom its jobs run: its owner, or nobody where that is root", () => {
    expect(ownerOf("/")).toEqual({ uid: 65534, gid: 65534 });
    if (isRoot) chownSync(directory, OWNER.uid, OWNER.gid);
    expect(ownerOf(directory)).toEqual(OWNER);
  });

  test("gets the folders of the streams, once", () => {
    makeStreamFolders(directory, OWNER);
    chmodSync(at("out"), 0o700);
    makeStreamFolders(directory, OWNER);
    expect(statSync(at("out"))).toMatchObject({ ...OWNER, mode: 0o40700 });
    expect(statSync(at("err"))).toMatchObject({ ...OWNER, mode: 0o40755 });
  });
});

describe("the jobs' user", () => {
  /** Gives all files of the workflow to the owner, with plain modes. */
  function own(): void {
    for (const folder of ["out", "err"]) mkdirSync(at(folder));
    for (const [name, mode] of [
      ["", 0o755],
      ["sh", 0o755],
      ["out", 0o755],
      ["err", 0o755],
      ["sh/Job-1.sh", 0o644],
    ] as const) {
      chmodSync(at(name), mode);
      if (isRoot) chownSync(at(name), OWNER.uid, OWNER.gid);
    }
  }

  type User = { uid: number; gid: number; groups?: number[] };
  const owner: User = OWNER;
  const member: User = { ...STRANGER, gid: OWNER.gid };
  const further: User = { ...STRANGER, groups: [OWNER.gid] };
  const stranger: User = STRANGER;

  test.each<[string, number, string, User, string | undefined]>([
    // file, mode, user, verb of the refusal
    ["", 0o755, "the owner", owner, undefined],
    ["", 0o600, "the owner", owner, "enter"],
    ["sh", 0o600, "the owner", owner, "enter"],
    ["sh", 0o100, "the owner", owner, undefined],
    ["out", 0o300, "the owner", owner, undefined],
    ["out", 0o555, "the owner", owner, "write"],
    ["out", 0o655, "the owner", owner, "write"],
    ["err", 0o077, "the owner, whose own bits count alone", owner, "write"],
    ["out", 0o770, "one of its group", member, undefined],
    ["out", 0o770, "one of its group by a further group", further, undefined],
    ["out", 0o707, "one of its group, whose bits count alone", member, "write"],
    ["out", 0o770, "a stranger", stranger, "write"],
    ["out", 0o777, "a stranger", stranger, undefined],
    ["sh/Job-1.sh", 0o600, "the owner", owner, undefined],
    ["sh/Job-1.sh", 0o200, "the owner", owner, "read"],
    ["sh/Job-1.sh", 0o600, "one of its group", member, "read"],
    ["sh/Job-1.sh", 0o640, "one of its group", member, undefined],
    ["sh/Job-1.sh", 0o604, "a stranger", stranger, undefined],
    ["sh/Job-1.sh", 0o000, "root, who may do all", { uid: 0, gid: 0 }, undefined],
  ])("%s with mode %o: %s", (name, mode, _, { uid, gid, groups = [] }, verb) => {
    own();
    // What is not the subject is open to all.
    for (const folder of ["", "sh", "out", "err"]) chmodSync(at(folder), 0o777);
    chmodSync(at(name), mode);
    const action = () => checkAccess(directory, [{ jobId: "Job-1", path: at("sh/Job-1.sh") }], { uid, gid }, groups);
    try {
      if (verb === undefined) expect(action).not.toThrow();
      else
        expect(failureOf(action)).toMatchObject({
          code: "CONFIG",
          message: `jobs run as user ${uid}, group ${gid}, who can't ${verb} ${path.join(directory, name)}`,
          hint: expect.stringContaining(`chown -R ${uid}:${gid} ${directory}`),
        });
    } finally {
      chmodSync(directory, 0o755);
    }
  });
});

describe("the digest of a submission", () => {
  const digest = (options: Parameters<typeof jobRequest>[1], file = "sh/Job-1.sh") =>
    jobRequest({ jobId: "Job-1", path: at(file) }, options).contentHash;

  test("does not depend on the order of the options, nor on those left out", () => {
    expect(digest({ env: { A: "1", B: "2" }, cpu: "1" })).toBe(digest({ cpu: "1", env: { B: "2", A: "1" } }));
    expect(digest({ image: undefined } as never)).toBe(digest({}));
  });

  test("tells other options, other values and other bytes apart", () => {
    const digests = [
      digest({}),
      digest({ cpu: "1" }),
      digest({ memory: "1" }),
      digest({ env: { A: "1" } }),
      digest({ env: { A: "2" } }),
      digest({ inputs: ["a", "b"] }),
      digest({ inputs: ["b", "a"] }),
      digest({}, "other.sh"),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});
