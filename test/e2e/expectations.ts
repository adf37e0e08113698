import { expect } from "vitest";
import type { Result } from "./harness.ts";

/** An error as the command line tells it. */
export interface ToldError {
  readonly code: number;
  readonly message: string;
  readonly hint: string;
}

/** The two lines that an error consists of; fails when stdout or stderr hold anything else (warnings, and what was waited for, apart). */
export function errorOf({ stdout, stderr, code }: Result): ToldError {
  expect(stdout).toBe("");
  const lines = stderr.split("\n").filter((line) => !/^(warning: |waiting for )/.test(line));
  expect(lines, stderr).toEqual([expect.stringMatching(/^error: ./), expect.stringMatching(/^hint: ./), ""]);
  return { code, message: lines[0]?.slice("error: ".length) ?? "", hint: lines[1]?.slice("hint: ".length) ?? "" };
}

/** The same with `-o json`: one JSON document on stderr. */
export function jsonErrorOf({ stdout, stderr, code }: Result): ToldError & { readonly name: string; readonly causes?: string[] } {
  expect(stdout).toBe("");
  const { error, ...others } = JSON.parse(stderr.replace(/^warning: .*\n/gm, ""));
  expect(others).toEqual({});
  const { code: name, ...rest } = error;
  return { code, name, ...rest };
}
