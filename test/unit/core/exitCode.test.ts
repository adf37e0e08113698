import { describe, expect, test } from "vitest";
import { describeExitCode, signalOf } from "../../../src/core/gasw/exitCode.ts";

/** GASW's enum GaswExitCode. */
const GASW =
  `SUCCESS 0 · ERROR_READ_GRID 1 · ERROR_WRITE_GRID 2 · ERROR_FILE_NOT_FOUND 3 · EXECUTION_FAILED_LEGACY 6 · ERROR_WRITE_LOCAL 7 ·
ERROR_GET_STD 8 · EXECUTION_CANCELED 9 · EXECUTION_STALLED 10 · GIRDER_CLIENT_INSTALL_FAILED 20 · BOUTIQUE_INSTALL_FAILED 21 ·
ERROR_CREATE_EXEC_DIR 22 · ERROR_CD_EXEC_DIR 23 · CONFIG_NOT_FOUND 24 · BOUTIQUE_IMPORT_FAILED 25 · ERROR_WRITE_LFN 30 ·
ERROR_MV_FILE 31 · ERROR_RESULT_FILE_EXIST 32 · ERROR_UPLOAD_GIRDER 33 · ERROR_UPLOAD_SHANOIR 34 ·
FAILED_CREATE_LOCAL_UPLOAD_DIR 35 · ERROR_GIRDER_MKDIR 36 · ERROR_SHANOIR_UPLOAD_SUBDIR 37 · ERROR_DL 40 ·
INVALID_SHANOIR_NIFTI 41 · SHANOIR_DL_FAILED 42 · EXECUTION_FAILED 50 · SING_INVALID_IMAGE_NAME 51 · SING_IMAGE_NOT_FOUND 52 ·
INVALID_CONTAINER_RUNTIME 53 · TOKEN_REFRESH_TOO_LONG 60 · TOKEN_REFRESH_ERROR 61`
    .split("·")
    .map((entry) => entry.trim().split(" "))
    .map(([name = "", code]): [number, string] => [Number(code), name]);

describe("an exit code", () => {
  test.each(GASW)("%d is GASW's %s, with a stage and a sentence", (code, name) => {
    const meaning = describeExitCode(code);
    expect(meaning.name).toBe(name);
    expect(meaning.stage).toMatch(/^(inputs|application|results|setup|system)$/);
    expect(meaning.text).toMatch(/^[A-Za-z].{8,}[^.]$/);
  });

  test("has no name of GASW's where GASW has none", () => {
    const known = new Set(GASW.map(([code]) => code));
    const others = Array.from({ length: 256 }, (_, code) => code).filter((code) => !known.has(code));
    expect(others.filter((code) => describeExitCode(code).name !== undefined)).toEqual([]);
    expect(describeExitCode(-1)).toEqual({ text: "the script's own exit code" });
  });

  test.each([
    [126, "could not be executed"],
    [127, "was not found"],
    [137, "SIGKILL"],
    [139, "SIGSEGV"],
    [143, "SIGTERM"],
    [4, "the script's own exit code"],
    [128, "the script's own exit code"],
    [255, "the script's own exit code"],
  ])("%d reads as: … %s", (code, words) => expect(describeExitCode(code).text).toContain(words));

  test.each([
    [129, "SIGHUP"],
    [130, "SIGINT"],
    [134, "SIGABRT"],
    [137, "SIGKILL"],
    [152, "SIGXCPU"],
    [128, undefined],
    [9, undefined],
    [255, undefined],
  ])("%d stands for the signal %s", (code, signal) => expect(signalOf(code)).toBe(signal));
});
