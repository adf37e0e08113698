import { describe, expect, test } from "vitest";
import { asGaswError, GaswError } from "../../src/errors.ts";

describe("an error that nobody has words for", () => {
  test("says what to send along, with where it came from, and no path of a machine", () => {
    const bug = asGaswError(new TypeError("x is not a function"));
    expect([bug.code, bug.exitCode, bug.message]).toEqual(["FAILURE", 1, "x is not a function"]);
    expect(bug.hint).toMatch(/with the command, `gasw-k8s --version` and this trace: at .*errors\.test\.ts:\d+:\d+/);
    expect(bug.hint).not.toContain("/");
  });

  test("may be anything that is thrown", () => {
    expect(asGaswError("thrown text")).toMatchObject({ message: "thrown text", hint: expect.stringContaining("this trace: none") });
  });
});

test("an error that has words is passed on as it is", () => {
  const known = new GaswError("CLUSTER", "no answer", { hint: "try again" });
  expect(asGaswError(known)).toBe(known);
});
