import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { GaswError } from "../../../src/errors.ts";
import { leftovers } from "../../../src/services/output/toolFolder.ts";
import { clearForAttempt } from "../../../src/services/submit/attemptFiles.ts";
import { folderWith } from "../folders.ts";

const NOBODY = 65534;
const STREAMS = { "out/Job-1.sh.out": "", "err/Job-1.sh.err": "" };

/** What an action throws when it is done as somebody whom mode bits hold back. */
function failureAsNobody(action: () => void): unknown {
  process.seteuid?.(NOBODY);
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    process.seteuid?.(0);
  }
}

/** A workflow directory that is nobody's own. */
function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = folderWith(files);
  for (const name of ["", "out", "err"]) chownSync(path.join(directory, name), NOBODY, NOBODY);
  return directory;
}

/** The first attempt has run, by the wrapper of 0.1.0 (0) or by a later one. */
const next = (directory: string, fileName: string, wrapper: number) => ({
  directory,
  fileName,
  kubeName: `kube-${fileName}-r1`,
  attempts: [{ attempt: 0, prepared: false, submitted: "2026-01-02T03:04:05.000Z", wrapper }],
});

describe("a workflow directory that is made ready for one more attempt", () => {
  test("loses the folder that a run of 0.1.0 has made, and nothing through a link in its place", () => {
    const directory = folderWith({ ...STREAMS, "Job-1/inside/file": "", "precious/file": "" });
    symlinkSync("precious", path.join(directory, "Job-2"));
    for (const job of ["Job-1", "Job-2"]) clearForAttempt(next(directory, job, 0));
    expect(["Job-1", "precious/file", "out/Job-1.sh.out.0"].map((name) => existsSync(path.join(directory, name)))).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("keeps a folder of the script's name that no such run has made", () => {
    const directory = folderWith({ ...STREAMS, "Job-1/file": "" });
    clearForAttempt(next(directory, "Job-1", 1));
    expect(existsSync(path.join(directory, "Job-1/file"))).toBe(true);
    expect(existsSync(path.join(directory, "out/Job-1.sh.out.0"))).toBe(true);
  });

  test("loses the record that an earlier life of the very attempt has left", () => {
    const directory = folderWith({
      ...STREAMS,
      ".gasw-k8s/end/kube-Job-1-r1.uid-1": "",
      ".gasw-k8s/end/kube-Job-1.uid-0": "",
      ".gasw-k8s/run/uid-1/.attempt": "kube-Job-1-r1\n",
      ".gasw-k8s/run/uid-0/.attempt": "kube-Job-1\n",
    });
    clearForAttempt(next(directory, "Job-1", 1));
    expect(leftovers(directory).map(({ name }) => name)).toEqual(["uid-0", "uid-1", "kube-Job-1.uid-0"]);
  });

  test.runIf(process.getuid?.() === 0).each([
    ["is somebody else's", 0, 0o755],
    ["may not be written", NOBODY, 0o555],
  ])("with a folder that %s says so, and leaves the streams where they are", (_, owner, mode) => {
    const directory = directoryWith({ ...STREAMS, "Job-1/file": "" });
    chownSync(path.join(directory, "Job-1"), owner, owner);
    chmodSync(path.join(directory, "Job-1"), mode);
    const failure = failureAsNobody(() => clearForAttempt(next(directory, "Job-1", 0)));
    expect(failure).toBeInstanceOf(GaswError);
    expect(failure).toMatchObject({
      code: "CONFIG",
      message: `the folder ${directory}/Job-1 of an earlier run cannot be removed (EACCES)`,
      hint: expect.stringContaining(`rm -r -- ${directory}/Job-1`),
    });
    expect(existsSync(path.join(directory, "out/Job-1.sh.out"))).toBe(true);
  });

  test.runIf(process.getuid?.() === 0)("with streams that cannot be moved says so", () => {
    const directory = directoryWith(STREAMS);
    mkdirSync(path.join(directory, "Job-1"));
    chmodSync(path.join(directory, "err"), 0o555);
    expect(failureAsNobody(() => clearForAttempt(next(directory, "Job-1", 0)))).toMatchObject({
      code: "CONFIG",
      message: `${directory}/err/Job-1.sh.err of an earlier attempt cannot be moved aside (EACCES)`,
      hint: expect.stringContaining(`${directory}/err`),
    });
  });
});
