import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutputFacts } from "../../../src/core/output/facts.ts";
import { anyBytes, parse } from "./outputs.ts";

describe("the facts of a job's output", () => {
  test("are the same however its bytes are cut into pieces", () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60_000, max: 70_000 })), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(anyBytes, anyBytes, sizes, (out, err, pieces) => {
        expect(parse(out, err, pieces)).toEqual(parse(out, err));
      }),
      { numRuns: 300 },
    );
  });

  test("come from any bytes, and are valid text", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (out, err) => {
        const text = JSON.stringify(parse(out, err).facts);
        expect(text).not.toContain("\\u0000");
        expect(text).not.toMatch(/\\ud[89a-f]/);
      }),
      { numRuns: 300 },
    );
  });
});

const word = fc.string({ unit: fc.constantFrom(..."abcxyzäé0123456789-_".split("")), minLength: 3, maxLength: 12 });
const seconds = fc.oneof(
  fc.nat(999_999_999),
  fc.nat(99_999).map((value) => value / 100),
);
const code = fc.integer({ min: 0, max: 255 });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** What a job may tell, of all kinds. */
const told = fc.record({
  exitCode: optional(code),
  errCode: optional(code),
  downloadSeconds: optional(seconds),
  executionSeconds: optional(seconds),
  uploadSeconds: optional(seconds),
  site: optional(word),
  nodeName: optional(word.map((name) => `${name}.example.org`)),
  machine: fc.record({
    cpus: fc.integer({ min: 1, max: 1024 }),
    cpuModel: word,
    cpuMhz: seconds,
    cacheKb: fc.nat(1_000_000),
    bogomips: seconds,
    memoryKb: fc.nat(2 ** 31 - 1),
  }),
  inputs: fc.uniqueArray(
    word.map((name) => `file:/data/${name} ${name}.nii`),
    { maxLength: 5 },
  ),
  outputs: fc.uniqueArray(fc.record({ id: word, uri: word.map((name) => `lfn://grid/${name}`) }), {
    maxLength: 5,
    selector: ({ id, uri }) => `${id} ${uri}`,
  }),
});

type Told = typeof told extends fc.Arbitrary<infer T> ? T : never;

/** A job's streams that tell this, as GASW's scripts write them. */
function render(facts: Told, appOut: Buffer, prefix: string): readonly [Buffer, Buffer] {
  const line = (value: unknown, text: string) => (value === undefined ? "" : `${text}\n`);
  const { machine } = facts;
  const before = [
    line(facts.nodeName, `===== uname ===== \nLinux ${facts.nodeName} 6.1.0 x86_64`),
    `processor\t: ${machine.cpus - 1}\nmodel name\t: ${machine.cpuModel}\ncpu MHz\t\t: ${machine.cpuMhz}\n`,
    `cache size\t: ${machine.cacheKb} KB\nbogomips\t: ${machine.bogomips}\nMemTotal:   ${machine.memoryKb} kB\n`,
    line(facts.site, `SITE_NAME=${facts.site}`),
    `<inputs_download>\n${facts.inputs.map((uri) => `<file_download uri=${uri}>\n`).join("")}</inputs_download>\n`,
    "<application_execution>\n",
  ];
  const after = [
    "</application_execution>\n<results_upload>\n",
    ...facts.outputs.map(({ id, uri }) => `<file_upload id=${id} uri=${uri}>\n</file_upload>\n`),
    "</results_upload>\n",
    line(facts.downloadSeconds, `${prefix}Input download time: ${facts.downloadSeconds} seconds`),
    line(facts.executionSeconds, `${prefix}Execution time: ${facts.executionSeconds} seconds`),
    line(facts.uploadSeconds, `${prefix}Results upload time: ${facts.uploadSeconds} seconds`),
    line(facts.exitCode, `${prefix}Exiting with return value ${facts.exitCode}`),
  ];
  const err = line(facts.errCode, `${prefix}Exiting with return value ${facts.errCode}`);
  return [Buffer.concat([Buffer.from(before.join("")), appOut, Buffer.from(after.join(""))]), Buffer.from(err)];
}

/** What is expected of streams that tell this. */
function expected({ errCode, exitCode, ...facts }: Told): Partial<OutputFacts> {
  const known = Object.fromEntries(Object.entries({ ...facts, exitCode: errCode ?? exitCode }).filter(([, value]) => value !== undefined));
  const { site, nodeName, machine } = facts;
  return site === undefined || nodeName === undefined ? known : { ...known, node: { site, name: nodeName, ...machine } };
}

/** Bytes that do not end the application's section. */
const application = anyBytes.filter((bytes) => !/<\/application_execution>[ \t\r]*(?:\n|$)/.test(Buffer.from(bytes).toString("latin1")));

describe("what a job tells", () => {
  const prefix = fc.constantFrom("", "[ INFO - Tue Mar 4 09:15:42 UTC 2025 ] ");
  const sections = { inputs_download: "closed", application_execution: "closed", results_upload: "closed" };

  test("is read from its output, whatever the application prints", () => {
    fc.assert(
      fc.property(told, application, prefix, (facts, printed, start) => {
        const appOut = Buffer.from(printed);
        const parsed = parse(...render(facts, appOut, start));
        expect(parsed.facts).toMatchObject({ ...expected(facts), sections });
        expect("node" in parsed.facts).toBe(facts.site !== undefined && facts.nodeName !== undefined);
        expect(parsed.appOut.equals(appOut)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("changes in nothing by what the application prints", () => {
    fc.assert(
      fc.property(told, application, (facts, printed) => {
        const [silent] = render(facts, Buffer.alloc(0), "");
        const [loud] = render(facts, Buffer.from(printed), "");
        expect(parse(loud).facts).toEqual(parse(silent).facts);
      }),
      { numRuns: 300 },
    );
  });
});
