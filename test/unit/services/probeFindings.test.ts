import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/core/image/needs.ts";
import { readReport } from "../../../src/core/image/probeReport.ts";
import { foundIn, probeTrouble } from "../../../src/services/engine/probeFindings.ts";

const lines = (text: string) => text.split("\n").map((line) => `gasw-k8s-probe: ${line}`);

/** What the probe reports of an image and a pod that have everything. */
const WHOLE = [
  ...lines('nonce {"probe":"1"}\nuser 1000\nbash 5.2.15(1)-release'),
  ...lines([...COMMANDS, "python", "curl", "docker"].map((name) => `has ${name}`).join("\n")),
  ...lines(
    "json 3.11.2\nbosh-at /usr/local/bin/bosh\nbosh\ninterpreter /opt/boutiques/bin/python3\nboutiques 0.5.33\nhome /home/gasw\nsite example.org\nend",
  ),
];

const RAN = { image: "repo/app:1", node: "n1", directory: "/w/probe" };

/** What is found where some lines of the report are others: each is replaced that begins with one of these words. */
function found(changes: Readonly<Record<string, string>> = {}) {
  const changed = WHOLE.map((line) => {
    const key = Object.keys(changes).find((words) => line === `gasw-k8s-probe: ${words}` || line.startsWith(`gasw-k8s-probe: ${words} `));
    return key === undefined ? line : `gasw-k8s-probe: ${changes[key]}`;
  });
  return foundIn(readReport(changed), RAN);
}

/** What is wrong, the first problem. */
const problem = (changes: Readonly<Record<string, string>>) => found(changes).find((finding) => finding.problem !== undefined);

test("an image that has everything has no problem", () => {
  expect(found().filter((finding) => finding.problem !== undefined)).toEqual([]);
  expect(found()[0]).toEqual({ check: "job", subject: "ran in image repo/app:1 on node n1 as user 1000" });
});

test("the report is read from among all that a job prints, and is not whole without its end", () => {
  const noise = ["gasw-k8s-probe:", " gasw-k8s-probe: end", "has bosh", ...WHOLE.slice(0, -1), "site evil.example.org"];
  const report = readReport(noise);
  expect(report.isWhole).toBe(false);
  expect(report.values.site).toBe("example.org");
  expect(readReport([...noise, "gasw-k8s-probe: end\r"]).isWhole).toBe(true);
});

describe("each thing that is missing is named", () => {
  test.each([
    ["a command", { "has which": "lacks which" }, "the image has no `which`", /GASW's scripts call it/],
    ["bosh", { "bosh-at": "x" }, "the image has no `bosh`", /install boutiques in the image .*bosh\.cvmfs\.path/],
    ["a bosh that works", { bosh: "bosh-fails KeyError: 1" }, "`bosh` (/usr/local/bin/bosh) does not work: KeyError: 1", /anew/],
    [
      "the path of bosh's Python",
      { interpreter: "interpreter /usr/bin/env python3", boutiques: "no-boutiques bash: /usr/bin/env python3: No such file" },
      'the Python of `bosh`, "/usr/bin/env python3" in its first line, cannot import boutiques: bash: /usr/bin/env python3: No such file',
      /that Python's own pip/,
    ],
    ["json", { json: "no-json ModuleNotFoundError: No module named 'json'" }, /cannot import json: ModuleNotFoundError/, /whole Python/],
    ["HOME", { home: "no-home /" }, "user 1000 of the pod cannot write to HOME=/", /remove HOME from `env`/],
  ])("%s", (_, changes, message, hint) => {
    expect(problem(changes)).toMatchObject({
      problem: { message: typeof message === "string" ? message : expect.stringMatching(message), hint: expect.stringMatching(hint) },
    });
    expect(problem(changes)?.isMinor).not.toBe(true);
  });

  test("python, and how to get one where there is a python3", () => {
    const without = { "has python": "lacks python", "json 3.11.2": "x" };
    expect(problem(without)?.problem?.hint).not.toContain("python3");
    expect(problem({ ...without, "has docker": "has python3" })).toMatchObject({
      problem: { message: "the image has no `python`", hint: expect.stringContaining("python-is-python3") },
    });
  });

  test.each([
    ["SITE_NAME", { site: "site " }, /^SITE_NAME is not set in the pod/],
    ["what only some jobs call", { "has curl": "lacks curl" }, /^the image has no `curl`$/],
    ["all of several that would do", { "has docker": "lacks docker" }, /^the image has no `singularity` or `docker`$/],
  ])("%s, which is no reason to refuse anything", (_, changes, message) => {
    expect(problem(changes)).toMatchObject({ isMinor: true, problem: { message: expect.stringMatching(message) } });
  });
});

describe("a job that did not come to its end is explained without commands on it, for it is removed", () => {
  const trouble = (remedy: string) =>
    probeTrouble("Probe-1", { status: "ERROR", cause: "x", sentence: "failed", remedy, isLate: false, evidence: ["why\nat length"] })
      .problem;

  test.each([
    [
      "request less: `gasw-k8s cancel Probe-1 && gasw-k8s retry Probe-1 --cpu 3`, or add a node",
      "request less: `gasw-k8s engine probe --cpu 3`, or add a node",
    ],
    ["check nfsPath; then `gasw-k8s retry Probe-1` runs it again", "check nfsPath"],
    ["create it, then `gasw-k8s retry Probe-1` runs it again", "create it"],
    ["see `gasw-k8s debug pvc`; its log: `gasw-k8s debug logs Probe-1`", "see `gasw-k8s debug pvc`"],
    [
      "read its log: `gasw-k8s debug logs Probe-1`; then `gasw-k8s retry Probe-1` runs it again",
      "put that right; docs/images.md describes what a job's image and pod need",
    ],
  ])("%s", (remedy, hint) => {
    expect(trouble(remedy)).toMatchObject({ code: "FAILURE", message: "the probe job failed | why", hint });
  });
});
