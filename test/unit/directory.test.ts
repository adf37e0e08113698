import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { isSameDirectory, realPath, spelledDirectory } from "../../src/directory.ts";
import { folderWith } from "./folders.ts";

let folder: string;
const at = (name: string) => path.join(folder, name);

beforeEach(() => {
  folder = folderWith();
  mkdirSync(at("disk/w1"), { recursive: true });
  mkdirSync(at("elsewhere/w1"), { recursive: true });
  symlinkSync(at("disk"), at("workflows"));
  symlinkSync(at("loop"), at("loop"));
});

describe("two spellings", () => {
  test.each([
    ["the same text", "disk/w1", "disk/w1", true],
    ["a link on the way", "workflows/w1", "disk/w1", true],
    ["other directories of one name", "workflows/w1", "elsewhere/w1", false],
    ["nothing there, below a link", "workflows/gone", "disk/gone", true],
    ["nothing there at all", "gone/w1", "disk/w1", false],
    ["a loop", "loop/w1", "disk/w1", false],
  ])("%s", (_, one, other, same) => {
    expect(isSameDirectory(at(one), at(other))).toBe(same);
    expect(isSameDirectory(at(other), at(one))).toBe(same);
  });

  test("of one directory are one also when it is gone", () => {
    rmSync(at("disk/w1"), { recursive: true });
    expect(isSameDirectory(at("workflows/w1"), at("disk/w1"))).toBe(true);
    expect(realPath(at("workflows/w1/sh"))).toBe(at("disk/w1/sh"));
  });
});

describe("the current directory", () => {
  test.each<[string, string | undefined, string]>([
    ["as $PWD leads to it", "workflows/w1", "workflows/w1"],
    ["as it is where $PWD is another one", "elsewhere/w1", "disk/w1"],
    ["as it is where $PWD is nowhere", "gone", "disk/w1"],
    ["without the ways back in $PWD", "elsewhere/../workflows/./w1", "workflows/w1"],
    ["as it is without $PWD", undefined, "disk/w1"],
  ])("%s", (_, pwd, spelled) => {
    expect(spelledDirectory(at("disk/w1"), pwd === undefined ? undefined : `${folder}/${pwd}`)).toBe(at(spelled));
  });

  test.each(["", "w1", "."])("as it is where $PWD is no whole path: %j", (pwd) => {
    expect(spelledDirectory(at("disk/w1"), pwd)).toBe(at("disk/w1"));
  });
});
