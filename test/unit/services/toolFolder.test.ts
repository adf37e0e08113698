import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
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
import { EndRecords, leftovers, makeToolFolders, removeLeftover, removeToolFolder } from "../../../src/services/output/toolFolder.ts";
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

  test("keeps what is left of others when what is left of one attempt is removed, and goes when nothing is left", () => {
    const directory = folderWith({
      "precious/file": "",
      ".gasw-k8s/end/job-1.uid-1": line("uid-1", 0),
      ".gasw-k8s/end/job-2.uid-2": line("uid-2", 0),
      ".gasw-k8s/run/uid-1/.attempt": "job-1\n",
      ".gasw-k8s/run/uid-1/deep/er/file": "",
      ".gasw-k8s/run/uid-3/unnamed": "",
    });
    symlinkSync(path.join(directory, "precious"), path.join(directory, ".gasw-k8s/run/uid-1/deep/sh"));
    expect(leftovers(directory).map(({ attempt, name }) => [attempt, name])).toEqual([
      ["job-1", "uid-1"],
      ["", "uid-3"],
      ["job-1", "job-1.uid-1"],
      ["job-2", "job-2.uid-2"],
    ]);
    for (const leftover of leftovers(directory).filter(({ attempt }) => attempt === "job-1")) removeLeftover(directory, leftover);
    removeToolFolder(directory);
    expect(leftovers(directory).map(({ name }) => name)).toEqual(["uid-3", "job-2.uid-2"]);
    for (const leftover of leftovers(directory)) removeLeftover(directory, leftover);
    removeToolFolder(directory);
    expect(readdirSync(directory)).toEqual(["precious"]);
    expect(existsSync(path.join(directory, "precious/file"))).toBe(true);
  });

  test("gives up what a script has written beside itself, and nothing that another job's has", () => {
    const directory = folderWith({
      ".gasw-k8s/run/uid-1/.attempt": "job-1\n",
      ".gasw-k8s/run/uid-1/wf/Job-1.sh.provenance.json": "mine",
      ".gasw-k8s/run/uid-1/wf/Job-2.sh.provenance.json": "forged",
      ".gasw-k8s/run/uid-2/wf/Job-3.sh.provenance.json": "forged",
      "provenance/Job-3.sh.provenance.json": "true",
    });
    const [first, second] = leftovers(directory);
    if (first !== undefined) removeLeftover(directory, first, "Job-1");
    if (second !== undefined) removeLeftover(directory, second);
    const read = (name: string) => readFileSync(path.join(directory, "provenance", name), "utf8");
    expect(readdirSync(path.join(directory, "provenance"))).toEqual(["Job-1.sh.provenance.json", "Job-3.sh.provenance.json"]);
    expect(read("Job-1.sh.provenance.json") + read("Job-3.sh.provenance.json")).toBe("minetrue");
  });

  test("is rid of folders of any depth, and of those that may not be written", () => {
    const directory = folderWith({ ".gasw-k8s/run/uid-1/.attempt": "job-1\n", ".gasw-k8s/run/uid-1/shut/in/file": "" });
    // Deeper than descriptors may be open at a time.
    mkdirSync(path.join(directory, ".gasw-k8s/run/uid-1", "d/".repeat(1500)), { recursive: true });
    chmodSync(path.join(directory, ".gasw-k8s/run/uid-1/shut/in"), 0o555);
    chmodSync(path.join(directory, ".gasw-k8s/run/uid-1/shut"), 0o555);
    removeLeftover(directory, { attempt: "job-1", folder: ".gasw-k8s/run", name: "uid-1" });
    expect(readdirSync(path.join(directory, ".gasw-k8s/run"))).toEqual([]);
  });

  test("is nobody's where it is a link: nothing is read or removed through it", () => {
    const directory = folderWith({ "other/end/job-1.uid-1": line("uid-1", 0), "other/run/uid-1/.attempt": "job-1\n" });
    symlinkSync("other", path.join(directory, ".gasw-k8s"));
    expect(new EndRecords(directory).of("job-1")).toBeUndefined();
    expect(leftovers(directory)).toEqual([]);
    for (const folder of [".gasw-k8s/end", ".gasw-k8s/run"]) removeLeftover(directory, { attempt: "job-1", folder, name: "uid-1" });
    removeToolFolder(directory);
    expect(existsSync(path.join(directory, "other/end/job-1.uid-1"))).toBe(true);
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
