import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { GaswError } from "../../../src/errors.ts";
import { EndRecords, leftovers, makeToolFolders, removeLeftover, removeToolFolder } from "../../../src/services/toolFolder.ts";
import { folderWith } from "../folders.ts";

const line = (podUid: string, code: number, endedAt = 1) => `1 job-1 ${podUid} ${code} - - ${endedAt} 0 0 end\n`;
const OWNER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

describe("the tool's folder", () => {
  test("is made with its folders, once, as the jobs' user's", () => {
    const directory = folderWith();
    const owner = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : OWNER;
    makeToolFolders(directory, owner);
    makeToolFolders(directory, owner);
    expect(readdirSync(path.join(directory, ".gasw-k8s")).sort()).toEqual(["end", "run"]);
    expect(statSync(path.join(directory, ".gasw-k8s/end")).uid).toBe(owner.uid);
  });

  test.each([
    ["a file", (file: string) => writeFileSync(file, "")],
    ["a link to a folder", (file: string) => symlinkSync("..", file)],
  ])("is refused where %s has its name, and nothing is made", (_, make) => {
    const directory = folderWith({ "sh/Job-1.sh": "true" });
    make(path.join(directory, ".gasw-k8s"));
    expect(() => makeToolFolders(directory, OWNER)).toThrow(GaswError);
    expect(existsSync(path.join(directory, "..", "run"))).toBe(false);
  });

  test("is removed with all that is in it, but for what leads out of it and what scripts have written beside themselves", () => {
    const directory = folderWith({
      "precious/file": "",
      ".gasw-k8s/end/job-1.uid-1": line("uid-1", 0),
      ".gasw-k8s/run/uid-1/.attempt": "job-1\n",
      ".gasw-k8s/run/uid-1/deep/er/file": "",
    });
    const run = path.join(directory, ".gasw-k8s/run/uid-1", path.basename(directory));
    mkdirSync(run);
    writeFileSync(path.join(run, "Job-1.sh.provenance.json"), "{}");
    symlinkSync(path.join(directory, "precious"), path.join(run, "sh"));
    symlinkSync(path.join(directory, "precious"), path.join(directory, ".gasw-k8s/run/uid-2"));
    removeToolFolder(directory);
    expect(existsSync(path.join(directory, ".gasw-k8s"))).toBe(false);
    expect(existsSync(path.join(directory, "precious/file"))).toBe(true);
    expect(readFileSync(path.join(directory, "Job-1.sh.provenance.json"), "utf8")).toBe("{}");
  });

  test("is nobody's where it is a link: nothing is read or removed through it", () => {
    const directory = folderWith({ "other/end/job-1.uid-1": line("uid-1", 0), "other/run/uid-1/.attempt": "job-1\n" });
    symlinkSync("other", path.join(directory, ".gasw-k8s"));
    expect(new EndRecords(directory).of("job-1")).toBeUndefined();
    expect(leftovers(directory)).toEqual([]);
    for (const folder of [".gasw-k8s/end", ".gasw-k8s/run"]) removeLeftover(directory, { attempt: "job-1", folder, name: "uid-1" });
    removeToolFolder(directory);
    expect(existsSync(path.join(directory, "other/end/job-1.uid-1"))).toBe(true);
    expect(lstatSync(path.join(directory, ".gasw-k8s"), { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("the records of an attempt's ends", () => {
  test("are told by their pod, else by the pod that ended last", () => {
    const directory = folderWith({ ".gasw-k8s/end/job-1.uid-1": line("uid-1", 3, 20), ".gasw-k8s/end/job-1.uid-2": line("uid-2", 0, 10) });
    const records = new EndRecords(directory);
    expect(records.of("job-1")?.code).toBe(3);
    expect(records.of("job-1", "uid-2")?.code).toBe(0);
    expect(records.of("job-1", "uid-3")).toBeUndefined();
    expect(records.of("job")).toBeUndefined();
  });

  test.each<[string, (file: string) => void]>([
    ["was cut short", (file) => writeFileSync(file, line("uid-1", 0).replace(" end", ""))],
    ["is of another attempt", (file) => writeFileSync(file, line("uid-1", 0).replace("job-1", "job-2"))],
    ["is of another pod", (file) => writeFileSync(file, line("uid-2", 0))],
    ["is too large", (file) => truncateSync(file, 2000)],
    ["is empty", (file) => truncateSync(file, 0)],
    ["is a link", (file) => symlinkSync("target", without(file))],
    ["is a folder", (file) => mkdirSync(without(file))],
    ["is a pipe", (file) => void execFileSync("mkfifo", [without(file)])],
  ])("are none where the file %s", (_, change) => {
    const directory = folderWith({ ".gasw-k8s/end/job-1.uid-1": line("uid-1", 0), ".gasw-k8s/end/target": line("uid-1", 0) });
    change(path.join(directory, ".gasw-k8s/end/job-1.uid-1"));
    expect(new EndRecords(directory).of("job-1")).toBeUndefined();
  });
});

/** Its path, with nothing there any more. */
function without(file: string): string {
  rmSync(file);
  return file;
}
