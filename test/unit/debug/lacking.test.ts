import { describe, expect, test } from "vitest";
import { explain } from "../../../src/core/why/why.ts";
import { container, facts, kubeJob } from "./facts.ts";

/** What is said of a script that has failed. */
const failed = (exitCode: number, lastWords: readonly string[], home?: string) => {
  const env = home === undefined ? [] : [{ name: "HOME", value: home }];
  const job = kubeJob({ containers: [container({ env })] });
  return explain(facts({ status: "ERROR", reason: "Error", exitCode }, { kubeJob: job, lastWords }));
};

describe("what an image lacks is named", () => {
  test("with the line of the script that calls it, and with how to get an image that has it", () => {
    const answer = failed(127, ["./sh/Job-1.sh: line 3: bosh: command not found"]);
    expect(answer.sentence).toBe("failed with exit code 127: image repo/app:1 has no `bosh`, which line 3 of ./sh/Job-1.sh calls");
    expect(answer.remedy).toBe(
      "use an image that has it: `gasw-k8s retry Job-1 --image NAME` (docs/images.md has a recipe, and `gasw-k8s engine probe` tries an image); or correct the script, then `gasw-k8s retry Job-1` runs it again",
    );
  });

  test("without a recipe where GASW's scripts do not need it", () => {
    const answer = failed(1, ["/opt/prepare.sh: line 12: fslmaths: command not found"]);
    expect(answer.sentence).toBe("failed with exit code 1: image repo/app:1 has no `fslmaths`, which line 12 of /opt/prepare.sh calls");
    expect(answer.remedy).not.toContain("images.md");
  });

  test.each([
    ["env", "/usr/bin/env: 'python3': No such file or directory"],
    ["env in a UTF-8 locale", "env: ‘python3’: No such file or directory"],
    ["dash", "sh: 1: python3: not found"],
    ["busybox", "sh: python3: not found"],
  ])("in the words of %s", (_, line) => {
    expect(failed(127, [line]).sentence).toBe("failed with exit code 127: image repo/app:1 has no `python3`");
  });

  test("where GASW's own script gives up", () => {
    const said = (words: string) => `[ ERROR - Sun Nov 29 02:00:22 UTC 2026 ] ${words}`;
    expect(failed(21, [said("BOUTIQUE_INSTALL_FAILED - pip install boutiques failed")]).sentence).toBe(
      "failed with exit code 21: image repo/app:1 has no `bosh` that works, and pip could not install one",
    );
    expect(failed(25, [said("BOUTIQUE_IMPORT_FAILED - import boutiques fails")]).sentence).toMatch(
      /^failed with exit code 25: the first line of the `bosh` of image repo\/app:1 does not lead/,
    );
  });
});

describe("what only looks like it is not taken for it", () => {
  test.each([
    ["a name in the application's own words", 127, "worker: foo: command not found"],
    ["a line before the last", 1, "./sh/Job-1.sh: line 3: foo: command not found\nsegments: 0"],
    ["GASW's code without its words", 21, "done"],
    ["GASW's words in the application's mouth", 21, "BOUTIQUE_INSTALL_FAILED - pip install boutiques failed"],
  ])("%s", (_, code, text) => {
    expect(failed(code, text.split("\n")).sentence).not.toContain(" has no `");
  });
});

describe("a HOME that is not writable", () => {
  const denied = (file: string) => [`PermissionError: [Errno 13] Permission denied: '${file}'`, "[ ERROR - x ] EXECUTION_FAILED - x"];

  test.each([
    [undefined, "/.cache"],
    ["/", "/.cache"],
    ["/data", "/data"],
    ["/data", "/data/.cache/boutiques"],
  ])("is told of (HOME=%s)", (home, file) => {
    const answer = failed(50, denied(file), home);
    expect(answer.sentence).toBe(`failed with exit code 50: its user may not write to its home directory, HOME=${home ?? "/"}`);
    expect(answer.remedy).toMatch(/^remove HOME from `env` in the configuration/);
  });

  test.each([
    [undefined, "/data/x"],
    ["/data", "/database/x"],
  ])("is not told of where another folder is not writable (HOME=%s, %s)", (home, file) => {
    expect(failed(50, denied(file), home).cause).toBe("exit-code");
  });
});
