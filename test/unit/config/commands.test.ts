import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configSchema, configShow } from "../../../src/commands/config.ts";
import { configCheck } from "../../../src/commands/configCheck.ts";
import { configInit } from "../../../src/commands/configInit.ts";
import type { Io } from "../../../src/ui/io.ts";
import { folderWith } from "../folders.ts";
import { failureOf, load, loadFile } from "./support.ts";

function streams() {
  const written = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr") => ({
    write(text: string) {
      written[name] += text;
      return true;
    },
  });
  const here = { env: { HOME: "/nowhere" }, cwd: "/", now: () => new Date() };
  return { written, io: { ...here, stdout: stream("stdout"), stderr: stream("stderr") } as unknown as Io };
}

const SECRETS = {
  k8sToken: "s3cret-token",
  env: { PASSWORD: "s3cret-env" },
  sidecars: [{ name: "a", image: "i", env: [{ name: "KEY", value: "s3cret-sidecar" }] }],
  annotations: { link: "https://user:s3cret-url@example.org/x" },
};

describe("config show", () => {
  test("prints each value with its source and line", async () => {
    const { io, written } = streams();
    const cwd = folderWith({
      ".gasw-k8src": '{\n  "options": {\n    "ttlJobInSeconds": 60\n  },\n  "labels": {\n    "example.org/a": "b"\n  }\n}',
    });
    await configShow(io, await load({ cwd, env: { GASW_K8S_NAMESPACE: "vip" }, overrides: { image: "debian:12" } }), { output: "text" });
    expect(written.stdout).toMatch(/^k8sNamespace +vip +GASW_K8S_NAMESPACE$/m);
    expect(written.stdout).toMatch(/^options\.ttlJob +60 +\S+\.gasw-k8src:3$/m);
    expect(written.stdout).toMatch(/^labels\.example\.org\/a +b +\S+\.gasw-k8src:6$/m);
    expect(written.stdout).toMatch(/^image +debian:12 +option image$/m);
    expect(written.stdout).toMatch(/^options\.storageClassName +"" +default$/m);
  });

  test("keeps its columns and takes no command from a value, whatever characters that has", async () => {
    const { io, written } = streams();
    await configShow(io, await loadFile({ annotations: { A: "作業", B: "a\u001b[2Jb\nc" } }), { output: "text" });
    const lines = written.stdout.split("\n");
    const column = lines.find((line) => line.startsWith("k8sNamespace "))?.indexOf("default", 40) ?? 0;
    const [wide = "", hostile = ""] = ["annotations.A ", "annotations.B "].map((key) => lines.find((line) => line.startsWith(key)));
    expect(wide).toMatch(/^annotations\.A +作業 +\S+:3$/);
    // Each of the two characters takes two columns.
    expect(wide.lastIndexOf(" ") + 1).toBe(column - 2);
    expect(hostile).toMatch(/^annotations\.B +a\\x1b\[2Jb\\nc +\S+:4$/);
  });

  test.each(["text", "json"] as const)("prints no secret as %s", async (output) => {
    const { io, written } = streams();
    await configShow(io, await loadFile(SECRETS), { output });
    expect(written.stdout).not.toContain("s3cret");
    expect(written.stdout).toContain("PASSWORD");
    expect(written.stdout).toContain("***");
  });

  test("prints one JSON document", async () => {
    const { io, written } = streams();
    await configShow(io, await loadFile({ k8sNamespace: "vip" }), { output: "json" });
    expect(JSON.parse(written.stdout)).toMatchObject({
      config: { k8sNamespace: "vip" },
      sources: { k8sNamespace: { kind: "file", line: 2 } },
    });
  });
});

describe("config check", () => {
  const ENOUGH = { k8sAddress: "https://127.0.0.1:1", k8sToken: "none", nfsAddress: "nfs", nfsPath: "/x", image: "debian:12" };

  test("says OK with the files read", async () => {
    const { io, written } = streams();
    await configCheck(io, () => loadFile(ENOUGH), { output: "text" });
    expect(written).toMatchObject({ stdout: expect.stringMatching(/^OK: .*\.gasw-k8src\.json\n$/), stderr: "" });
  });

  test.each<[missing: string, change: object, hint: string]>([
    ["k8sAddress requires k8sToken or k8sTokenFile", { k8sToken: undefined }, "set k8sTokenFile to a file with the bearer token"],
    ["no volume is configured for the workflow directory", { nfsAddress: undefined }, "set nfsAddress and nfsPath, or workflowVolume"],
    ["no image is configured", { image: undefined }, "set `image` in the configuration (GASW_K8S_IMAGE), or pass --image"],
  ])("says what submit will miss: %s", async (missing, change, hint) => {
    const { io, written } = streams();
    await configCheck(io, () => loadFile({ ...ENOUGH, ...change }), { output: "text" });
    const [, ...lines] = written.stdout.trimEnd().split("\n");
    expect(lines).toEqual([`missing for submit: ${missing}`, expect.stringContaining(`  hint: ${hint}`)]);
  });

  test("warns about unverified servers and unknown keys", async () => {
    const { io, written } = streams();
    const dao = { url: "mysql://db/gasw?sslmode=no-verify" };
    await configCheck(io, () => loadFile({ insecureSkipTlsVerify: true, colour: 1, dao }), { output: "text" });
    expect(written.stderr).toMatch(/warning: dao.url has sslmode=no-verify/);
    expect(written.stderr).toMatch(/warning: unknown key "colour"/);
    expect(written.stderr).toMatch(/warning: insecureSkipTlsVerify is on \(.*\.gasw-k8src\.json\)/);
  });

  test("lists every problem and ends with 3", async () => {
    const { io, written } = streams();
    const error = await failureOf(configCheck(io, () => loadFile({ image: 1, queue: [] }), { output: "text" }));
    expect(written.stdout.trimEnd().split("\n")).toEqual([
      expect.stringContaining(": image: expected"),
      expect.stringContaining(": queue: expected"),
    ]);
    expect(error).toMatchObject({ exitCode: 3, message: "the configuration has 2 problems" });
  });

  test("lists them as JSON too", async () => {
    const { io, written } = streams();
    await failureOf(configCheck(io, () => loadFile({ image: 1 }), { output: "json" }));
    expect(JSON.parse(written.stdout)).toMatchObject({ ok: false, problems: [{ message: expect.stringContaining("image") }] });
  });
});

describe("config init", () => {
  test.each(["gasw-k8s.config.yaml", "gasw-k8s.config.json"])(
    "writes %s, which loads without a warning and changes nothing",
    async (name) => {
      const { io, written } = streams();
      const cwd = folderWith();
      await configInit(io, { path: join(cwd, name) });
      expect(written.stdout).toBe(`${join(cwd, name)}\n`);
      expect(statSync(join(cwd, name)).mode & 0o777).toBe(0o600);
      const { config, warnings } = await load({ cwd });
      expect(warnings).toEqual([]);
      expect(config).toEqual((await load({ cwd: folderWith() })).config);
    },
  );

  test("explains every key in YAML, each of which can be uncommented", async () => {
    const { io } = streams();
    const cwd = folderWith();
    const path = join(cwd, "all.yaml");
    await configInit(io, { path });
    const text = readFileSync(path, "utf8").replace(/^#(?! )|^#(?= {2})/gm, "");
    const uncommented = folderWith({ "all.yaml": text });
    const { config, warnings } = await load({ cwd: uncommented, file: "all.yaml" });
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({ queue: "vip-jobs", k8sNamespace: "default", options: { bindTimeout: 120 } });
  });

  test("refuses to overwrite", async () => {
    const { io } = streams();
    const path = join(folderWith({ "a.yaml": "k8sNamespace: mine\n" }), "a.yaml");
    expect(await failureOf(configInit(io, { path }))).toMatchObject({ code: "CONFLICT", exitCode: 7 });
    expect(readFileSync(path, "utf8")).toBe("k8sNamespace: mine\n");
  });

  test("says why it cannot write", async () => {
    const { io } = streams();
    expect((await failureOf(configInit(io, { path: join(folderWith(), "no/such/a.yaml") }))).message).toContain("cannot write");
  });
});

test("config schema prints the published JSON Schema", async () => {
  const { io, written } = streams();
  await configSchema(io);
  expect(written.stdout).toBe(readFileSync(new URL("../../../docs/gasw-k8s.schema.json", import.meta.url), "utf8"));
});
