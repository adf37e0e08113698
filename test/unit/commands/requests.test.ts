import { describe, expect, test } from "vitest";
import { parseOptions, parseRequest, parseRequestLine } from "../../../src/commands/requests.ts";
import { GaswError } from "../../../src/errors.ts";

const LINE = 7;
const parseAssignments = (env: readonly string[]) => parseOptions({ env }).env ?? {};
const parseResources = (resource: readonly string[]) => parseOptions({ resource }).resource;
const read = (values: unknown) => parseRequestLine(JSON.stringify(values), LINE);

function refusalOf(action: () => unknown): GaswError {
  try {
    action();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
  throw new Error("expected a GaswError, found none");
}

describe("a line of NDJSON", () => {
  test("may state a script alone", () => {
    expect(read({ script: "sh/Job-1.sh" })).toEqual({ script: "sh/Job-1.sh", options: {} });
  });

  test("may begin with a byte order mark, as the first one of any file that was appended may", () => {
    expect(parseRequestLine('\ufeff{"script":"sh/Job-1.sh"}', LINE)).toEqual({ script: "sh/Job-1.sh", options: {} });
  });

  test("in UTF-16 is refused for that", () => {
    const line = Buffer.from('\ufeff{"script":"sh/Job-1.sh"}', "utf16le").toString("utf8");
    const { message, hint } = refusalOf(() => parseRequestLine(line, LINE));
    expect(message).toBe("line 7 is not UTF-8: it looks like UTF-16");
    expect(hint).toContain("iconv -f UTF-16 -t UTF-8");
  });

  test("may state all that a submission can have", () => {
    const options = {
      image: "debian:12",
      cpu: "500m",
      cpuLimit: "1",
      memory: "2Gi",
      ephemeralStorage: "10Gi",
      gpu: 1,
      resource: { "nvidia.com/mig-1g.5gb": "1", "hugepages-2Mi": "64Mi" },
      env: { THREADS: "4" },
      timeout: 90,
      gracePeriod: 120,
      queue: "small",
      invocationId: 3,
      command: "grep",
      parameters: "-i x",
      inputs: ["a"],
      outputs: ["b"],
    };
    expect(read({ script: "s", ...options })).toEqual({ script: "s", options });
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["a duration with its unit", { timeout: "2h" }, { timeout: 7200 }],
    ["numbers as text", { gpu: "2", timeout: "90", invocationId: "3" }, { gpu: 2, timeout: 90, invocationId: 3 }],
    ["an amount as a number", { cpu: 2 }, { cpu: "2" }],
    [
      "a count as a number, or as another spelling of it",
      { resource: { "a.b/c": 2, "a.b/d": "1k" } },
      { resource: { "a.b/c": "2", "a.b/d": "1000" } },
    ],
    ["a count of none", { resource: { "amd.com/gpu": 0, "hugepages-1Gi": 0 } }, { resource: { "amd.com/gpu": "0", "hugepages-1Gi": "0" } }],
    ["a grace period with its unit", { gracePeriod: "2m" }, { gracePeriod: 120 }],
    ["a variable that is a number or a truth value", { env: { A: 1, B: true } }, { env: { A: "1", B: "true" } }],
  ])("may have %s", (_, given, options) => expect(read({ script: "s", ...given }).options).toEqual(options));

  test.each<[string, unknown, string]>([
    ["no script", { image: "x" }, "script: expected"],
    ["a script that is no text", { script: 1 }, "script: expected text"],
    ["an image with blanks", { script: "s", image: "a b" }, "image: expected an image name"],
    ["an amount of cores that is none", { script: "s", cpu: "lots" }, "cpu: expected"],
    ["memory without its unit", { script: "s", memory: "512" }, 'memory: expected an amount with its unit (did you mean "512Mi"?)'],
    ["half a GPU", { script: "s", gpu: 0.5 }, "gpu: expected"],
    ["fewer than no GPUs", { script: "s", gpu: -1 }, "gpu: expected"],
    ["variables that are a list", { script: "s", env: ["A=1"] }, "env: expected"],
    ["a variable that is an object", { script: "s", env: { A: {} } }, "env.A: expected text"],
    ["a variable without a legal name", { script: "s", env: { "1A": "x" } }, "env.1A: expected a name of letters"],
    ["a time limit of nothing", { script: "s", timeout: 0 }, "timeout: expected"],
    ["a time limit with a part of a second", { script: "s", timeout: 1.5 }, "timeout: expected"],
    ["a queue that is no name", { script: "s", queue: "a b" }, "queue: expected a label value"],
    ["invocation 0", { script: "s", invocationId: 0 }, "invocationId: expected"],
    ["an invocation that no database holds", { script: "s", invocationId: 2 ** 31 }, "expected a whole number from 1 to 2147483647"],
    ["inputs that are no list", { script: "s", inputs: "a" }, "inputs: expected"],
    ["an input that is no text", { script: "s", inputs: [1] }, "inputs.0: expected"],
    ["a CPU limit below nothing", { script: "s", cpuLimit: "-1" }, "cpuLimit: expected an amount of CPU"],
    [
      "storage without its unit",
      { script: "s", ephemeralStorage: "10" },
      'ephemeralStorage: expected an amount with its unit (did you mean "10Mi"?)',
    ],
    ["storage below nothing", { script: "s", ephemeralStorage: "-1Gi" }, "ephemeralStorage: expected an amount above zero"],
    ["no grace at all", { script: "s", gracePeriod: 0 }, "gracePeriod: expected a duration"],
    ["grace below nothing", { script: "s", gracePeriod: -5 }, "gracePeriod: expected a duration"],
    ["grace of a part of a second", { script: "s", gracePeriod: 0.5 }, "gracePeriod: expected a duration"],
    ["grace for a month", { script: "s", gracePeriod: "30d" }, "of at least 1 s and at most 604800 s"],
    ["resources that are a list", { script: "s", resource: ["a.b/c=1"] }, "resource: expected an object"],
    ["a resource that is a list", { script: "s", resource: { "a.b/c": [1] } }, "resource.a.b/c: expected an amount"],
    ["a null", { script: "s", command: null }, "command: expected text"],
  ])("with %s is refused by its number and field", (_, values, words) => {
    const error = refusalOf(() => read(values));
    expect(error.code).toBe("USAGE");
    expect(error.message).toContain(words);
    expect(error.message).toMatch(/^line 7, /);
  });

  test("with an unknown key is refused, and told which are known", () => {
    const error = refusalOf(() => read({ script: "s", imgae: "x" }));
    expect(error.message).toBe("line 7, imgae is not a known key");
    expect(error.hint).toContain("image");
  });

  test("that is not JSON is told by its column, and never quoted: it may hold secrets", () => {
    const error = refusalOf(() => parseRequestLine('{"script":"sh/a.sh","env":{"TOKEN":s3cret}}', 7));
    expect(error.message).toMatch(/^line 7 is not JSON: column 36: expected /);
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain("s3cret");
  });

  test.each([
    ["not JSON", "{script", "line 7 is not JSON"],
    ["empty text", "", "line 7 is not JSON"],
    ["a list", "[]", "line 7 is not an object"],
    ["null", "null", "line 7 is not an object"],
    ["a text", '"sh/Job-1.sh"', "line 7 is not an object"],
  ])("that is %s is refused by its number", (_, line, words) => {
    const error = refusalOf(() => parseRequestLine(line, LINE));
    expect(error).toMatchObject({ code: "USAGE", message: expect.stringContaining(words) });
    expect(error.hint).toContain('{"script":"sh/Job-1.sh"}');
  });
});

test("a refused option is named as it was given", () => {
  const error = refusalOf(() => parseRequest({ script: "s", memory: "512" }, (field) => `--${field}`));
  expect(error.message).toMatch(/^--memory: expected /);
});

describe("--resource", () => {
  test("takes NAME=QTY, several of them", () => {
    expect(parseResources(["nvidia.com/mig-1g.5gb=1", "hugepages-2Mi=1Gi"])).toEqual({
      "nvidia.com/mig-1g.5gb": "1",
      "hugepages-2Mi": "1Gi",
    });
  });

  test.each([
    ["without an amount", ["amd.com/gpu"], "--resource amd.com/gpu: expected NAME=QTY", /--resource nvidia.com\/mig/],
    ["without a name", ["=1"], "--resource =1: expected NAME=QTY", /--resource nvidia.com\/mig/],
    ["given twice", ["amd.com/gpu=1", "amd.com/gpu=1"], "--resource amd.com/gpu is given more than once", /state the whole amount once/],
  ])("is refused %s", (_, given, message, hint) => {
    const error = refusalOf(() => parseResources(given));
    expect(error).toMatchObject({ code: "USAGE", message });
    expect(error.hint).toMatch(hint);
  });

  const whole = "expected a whole number such as 1";
  const name = "expected the name of a resource";
  const own = "expected a resource that has no option of its own";
  test.each([
    ["amd.com/gpu", "1.5", whole, /how many of it the job needs/],
    ["amd.com/gpu", "-1", whole, /0 requests none/],
    ["amd.com/gpu", "many", whole, /amd\.com\/gpu/],
    ["amd.com/gpu", "1e300", whole, /amd\.com\/gpu/],
    ["cpu", "1", own, /use --cpu \(resources\.cpu in the configuration\) or --cpu-limit/],
    ["memory", "1Gi", own, /use --memory/],
    ["ephemeral-storage", "1Gi", own, /use --ephemeral-storage/],
    ["nvidia.com/gpu", "1", own, /use --gpu/],
    ["requests.amd.com/gpu", "1", name, /write amd\.com\/gpu/],
    ["gpu", "1", name, /debug describe node/],
    ["constructor", "1", name, /debug describe node/],
    ["batch.kubernetes.io/cpu", "1", name, /debug describe node/],
    ["AMD.com/gpu", "1", name, /debug describe node/],
    ["amd.com/", "1", name, /debug describe node/],
    [`${"a".repeat(245)}/gpu`, "1", name, /debug describe node/],
    [`amd.com/${"g".repeat(64)}`, "1", name, /debug describe node/],
    ["hugepages-", "1Gi", name, /debug describe node/],
    ["hugepages-2Mi", "3Mi", "expected a multiple of the page size, 2Mi", /a multiple of 2Mi/],
    ["hugepages-2Mi", "64", 'expected an amount with its unit (did you mean "64Mi"?)', /a multiple of 2Mi/],
  ])("%s=%s is refused by its name, with what to do", (resource, amount, message, hint) => {
    const values = { script: "s", resource: { [resource]: amount } };
    const error = refusalOf(() => parseRequest(values, (field) => `--${field}`));
    expect(error).toMatchObject({ code: "USAGE", message: `--resource.${resource}: ${message}` });
    expect(error.hint).toMatch(hint);
  });
});

describe("--env", () => {
  test("takes KEY=VALUE, the value with whatever it holds; the last one counts", () => {
    expect(parseAssignments(["A=1", "B=", "C=x=y", "D= a b\n", "A=2"])).toEqual({ A: "2", B: "", C: "x=y", D: " a b\n" });
  });

  test.each(["A", "=x", ""])("%j is refused", (assignment) => {
    expect(refusalOf(() => parseAssignments([assignment]))).toMatchObject({ code: "USAGE", message: "--env: expected KEY=VALUE" });
  });

  test("never shows a value in the refusal", () => {
    expect(refusalOf(() => parseAssignments(["s3cret"])).message).not.toContain("s3cret");
  });
});
