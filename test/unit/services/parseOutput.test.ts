import { execFileSync } from "node:child_process";
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parseOutput } from "../../../src/services/output/parse.ts";
import { folderWith } from "../folders.ts";

const JOB = "Basic_Grep-1";
const OUT = `out/${JOB}.sh.out`;
const ERR = `err/${JOB}.sh.err`;
const APP_OUT = `out/${JOB}.sh.app.out`;
const APP_ERR = `err/${JOB}.sh.app.err`;
const PROVENANCE = `${JOB}.sh.provenance.json`;
const MOVED = `provenance/${PROVENANCE}`;

const STREAMS = {
  [OUT]: "SITE_NAME=S\n<application_execution>\nhello\n</application_execution>\nExiting with return value 0\n",
  [ERR]: "<application_execution>\nbe careful\n</application_execution>\n",
};

const parse = (directory: string, signal = new AbortController().signal) => parseOutput(directory, JOB, signal);
const textOf = (directory: string, file: string) => readFileSync(path.join(directory, file), "utf8");
/** The names in a folder; of a draft, too. */
const namesIn = (directory: string, folder: string) => readdirSync(path.join(directory, folder)).sort();

describe("the output of a job that is over", () => {
  test("gives facts, the application's own streams, and the provenance file in its place", async () => {
    const directory = folderWith({ ...STREAMS, [PROVENANCE]: "{}" });
    expect(await parse(directory)).toMatchObject({ exitCode: 0, site: "S", warnings: [] });
    expect([textOf(directory, APP_OUT), textOf(directory, APP_ERR)]).toEqual(["hello\n", "be careful\n"]);
    expect([textOf(directory, MOVED), existsSync(path.join(directory, PROVENANCE))]).toEqual(["{}", false]);
    expect([namesIn(directory, "out"), namesIn(directory, "err")]).toEqual([
      [`${JOB}.sh.app.out`, `${JOB}.sh.out`],
      [`${JOB}.sh.app.err`, `${JOB}.sh.err`],
    ]);
  });

  test("says how many of the files that it names are too many to be kept", async () => {
    const downloads = Array.from({ length: 20_002 }, (_, index) => `<file_download uri=file:/in/${index}>\n`).join("");
    const uploads = Array.from({ length: 20_001 }, (_, index) => `<file_upload id=x uri=/out/${index}>\n`).join("");
    const out = `<inputs_download>\n${downloads}</inputs_download>\n<results_upload>\n${uploads}</results_upload>\n`;
    const { inputs, outputs, warnings } = await parse(folderWith({ ...STREAMS, [OUT]: out }));
    expect([inputs.length, outputs.length]).toEqual([20_000, 20_000]);
    expect(warnings).toEqual([`${OUT} lists too many files: 2 inputs and 1 outputs were ignored`]);
  });

  test("takes the place of what an earlier job left", async () => {
    const old = "a text that is longer than the new one\n";
    const directory = folderWith({ ...STREAMS, [PROVENANCE]: "{}", [APP_OUT]: old, [APP_ERR]: old, [MOVED]: old });
    expect((await parse(directory)).warnings).toEqual([]);
    expect([APP_OUT, APP_ERR, MOVED].map((file) => textOf(directory, file))).toEqual(["hello\n", "be careful\n", "{}"]);
  });

  test("tells nothing where it is missing, and the application's streams are empty", async () => {
    const directory = folderWith({ [APP_OUT]: "old" });
    mkdirSync(path.join(directory, "err"));
    const { exitCode, warnings } = await parse(directory);
    expect([exitCode, warnings]).toEqual([undefined, []]);
    expect([textOf(directory, APP_OUT), textOf(directory, APP_ERR)]).toEqual(["", ""]);
    expect(existsSync(path.join(directory, "provenance"))).toBe(false);
  });

  test("is read where one stream is missing", async () => {
    const directory = folderWith({ [OUT]: STREAMS[OUT] ?? "" });
    expect(await parse(directory)).toMatchObject({ exitCode: 0, warnings: [`${APP_ERR} was not written (ENOENT)`] });
  });

  test("may be parsed twice at once", async () => {
    const directory = folderWith({ ...STREAMS, [PROVENANCE]: "{}" });
    const parsed = await Promise.all([parse(directory), parse(directory)]);
    expect(parsed.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect([APP_OUT, APP_ERR, MOVED].map((file) => textOf(directory, file))).toEqual(["hello\n", "be careful\n", "{}"]);
  });

  test("is not waited for when it is called off, and nothing half-made is left", async () => {
    const directory = folderWith({ ...STREAMS, [APP_OUT]: "old" });
    const reason = new Error("called off");
    await expect(parse(directory, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(namesIn(directory, "out")).toEqual([`${JOB}.sh.out`]);
  });

  test.runIf(process.getuid?.() === 0)("belongs to the owner of the workflow directory", async () => {
    const directory = folderWith({ ...STREAMS, [PROVENANCE]: "{}" });
    chownSync(directory, 1234, 2345);
    expect((await parse(directory)).warnings).toEqual([]);
    for (const made of [APP_OUT, APP_ERR, "provenance"])
      expect(statSync(path.join(directory, made))).toMatchObject({ uid: 1234, gid: 2345 });
  });
});

/** What a job may put in a file's place. */
const PLANTED: readonly [string, (file: string, elsewhere: string) => void][] = [
  ["a pipe", (file) => execFileSync("mkfifo", [file])],
  ["a link to a file elsewhere", (file, elsewhere) => symlinkSync(path.join(elsewhere, "file"), file)],
  ["a link to nothing", (file, elsewhere) => symlinkSync(path.join(elsewhere, "nothing"), file)],
  ["a link to a device", (file) => symlinkSync("/dev/zero", file)],
  ["a directory", (file) => mkdirSync(file)],
];

describe("what a job has planted", () => {
  test.each(PLANTED)("in place of its output is not read: %s", async (_, plant) => {
    const elsewhere = folderWith({ file: "Exiting with return value 9\n" });
    const directory = folderWith({ [ERR]: STREAMS[ERR] ?? "" });
    mkdirSync(path.join(directory, "out"));
    plant(path.join(directory, OUT), elsewhere);
    const { exitCode, warnings } = await parse(directory);
    expect([exitCode, warnings]).toEqual([undefined, [expect.stringMatching(`^${OUT} was not read: `)]]);
    expect(textOf(directory, APP_ERR)).toBe("be careful\n");
  });

  test.each(PLANTED.filter(([what]) => what !== "a directory"))(
    "in place of the application's stream is replaced: %s",
    async (_, plant) => {
      const elsewhere = folderWith({ file: "mine" });
      const directory = folderWith(STREAMS);
      plant(path.join(directory, APP_OUT), elsewhere);
      expect((await parse(directory)).warnings).toEqual([]);
      expect([lstatSync(path.join(directory, APP_OUT)).isFile(), textOf(directory, APP_OUT)]).toEqual([true, "hello\n"]);
      expect([namesIn(elsewhere, "."), textOf(elsewhere, "file")]).toEqual([["file"], "mine"]);
    },
  );

  test("in place of the application's stream stays where it is a directory", async () => {
    const directory = folderWith({ ...STREAMS, [`${APP_OUT}/file`]: "" });
    const { exitCode, warnings } = await parse(directory);
    expect([exitCode, warnings]).toEqual([0, [expect.stringMatching(`^${APP_OUT} was not written \\(.*EISDIR\\)$`)]]);
    expect(namesIn(directory, "out")).toEqual([`${JOB}.sh.app.out`, `${JOB}.sh.out`]);
  });

  test("in place of a folder is not followed", async () => {
    const elsewhere = folderWith({ file: "mine" });
    const directory = folderWith({ [ERR]: STREAMS[ERR] ?? "", [PROVENANCE]: "{}" });
    symlinkSync(elsewhere, path.join(directory, "out"));
    symlinkSync(elsewhere, path.join(directory, "provenance"));
    const { warnings } = await parse(directory);
    expect(warnings).toEqual([
      expect.stringMatching(`^${APP_OUT} was not written \\(E(NOTDIR|LOOP)\\)$`),
      expect.stringMatching(`^${PROVENANCE} was not moved \\(E(NOTDIR|LOOP)\\)$`),
    ]);
    expect([namesIn(elsewhere, "."), textOf(directory, PROVENANCE)]).toEqual([["file"], "{}"]);
  });

  test.each(PLANTED)("in place of its provenance file is left alone: %s", async (_, plant) => {
    const elsewhere = folderWith({ file: "mine" });
    const directory = folderWith(STREAMS);
    plant(path.join(directory, PROVENANCE), elsewhere);
    expect((await parse(directory)).warnings).toEqual([`${PROVENANCE} was not moved: it is not a regular file`]);
    expect([existsSync(path.join(directory, MOVED)), lstatSync(path.join(directory, PROVENANCE)).isFile()]).toEqual([false, false]);
  });

  test("in place of the provenance file's target is replaced where it is a link", async () => {
    const elsewhere = folderWith({ file: "mine" });
    const directory = folderWith({ ...STREAMS, [PROVENANCE]: "{}", "provenance/other": "" });
    symlinkSync(path.join(elsewhere, "file"), path.join(directory, MOVED));
    expect((await parse(directory)).warnings).toEqual([]);
    expect([lstatSync(path.join(directory, MOVED)).isFile(), textOf(elsewhere, "file")]).toEqual([true, "mine"]);
  });
  test("as a name of 248 bytes is warned of, since the application's stream would have a longer one than files can have", async () => {
    const name = "x".repeat(248);
    const directory = folderWith({ [`out/${name}.sh.out`]: STREAMS[OUT] ?? "", [ERR]: "" });
    const { exitCode, warnings } = await parseOutput(directory, name, new AbortController().signal);
    expect([exitCode, warnings[0]]).toEqual([0, expect.stringContaining("(ENAMETOOLONG)")]);
    expect(namesIn(directory, "out")).toEqual([`${name}.sh.out`]);
  });
});
