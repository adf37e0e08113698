import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorOf, jsonErrorOf } from "../e2e/expectations.ts";
import { type Result, TestWorkflow } from "../e2e/harness.ts";

const NO_FILE = { GASW_K8S_CONFIG: undefined };
const root = path.resolve(import.meta.dirname, "../..");
let workflow: TestWorkflow;
beforeAll(() => {
  workflow = new TestWorkflow();
});
afterAll(() => workflow.cleanup());

/** Runs the program with one configuration file of this text and nothing else. */
async function withFile(name: string, text: string, ...args: readonly string[]): Promise<{ file: string; result: Result }> {
  const file = path.join(workflow.folder, name);
  writeFileSync(file, text);
  const result = await workflow.cliWith({ env: { GASW_K8S_CONFIG: file } }, ...args);
  return { file, result };
}

describe("a configuration that cannot be used ends with 3 and names the place", () => {
  test.each([
    ["text that is not JSON", "bad.json", '{\n  "k8sNamespace": "vip",\n  "image": debian\n}', /:3:12: not JSON: expected a value$/],
    ["JSON that ends early", "bad.json", '{\n  "image": "debian"\n', /:3:1: not JSON: expected "," or "}"$/],
    ["text that is not YAML", "bad.yaml", "image: debian\nlabels: [a\n", /:3:1: not YAML: /],
    ["a list", "bad.json", "[]", /: expected an object, found a list$/],
    ["an empty file", "bad.json", "\n", / is empty$/],
    ["a wrong type", "bad.json", '{\n\n  "image": 7\n}', /:3: image: expected an image name such as "debian:12", found 7$/],
    [
      "a wrong type deep inside",
      "bad.json",
      '{"volumes": [{"name": "a"}]}',
      /:1: volumes\[0\]\.mountPathContainer: expected an absolute path/,
    ],
    ["a number in words", "bad.conf", '{"options": {"ttlJob": "soon"}}', /:1: options\.ttlJob: expected a duration .*, found "soon"$/],
    ["a memory that forgot its unit", "bad.json", '{"resources": {"memory": 2}}', /: resources\.memory: expected .*, found 2$/],
    [
      "two spellings with two values",
      "bad.conf",
      '{"nfs_path": "/a",\n"nfsPath": "/b"}',
      /:1: nfs_path and nfsPath \(line 2\) are the same key/,
    ],
    ["a program", "bad.js", "module.exports = {}", /is a program: only JSON and YAML are supported$/],
  ])("%s", async (_, name, text, message) => {
    const { file, result } = await withFile(name, text, "status");
    const error = errorOf(result);
    expect(error).toMatchObject({ code: 3, message: expect.stringMatching(message) });
    expect(error.message).toContain(file);
    const json = await withFile(name, text, "status", "-o", "json");
    expect(jsonErrorOf(json.result)).toEqual({ ...error, name: "CONFIG" });
  });

  test.each([
    ["a token of the wrong type", "bad.json", '{"k8sToken": ["s3cret"]}'],
    ["a token beside a broken line", "bad.json", '{"k8sToken": "s3cret", "image": s3cret}'],
    ["a token in broken YAML", "bad.yaml", "k8sToken: s3cret\n  image: s3cret: [\n"],
    ["a value of the environment", "bad.json", '{"env": {"PASSWORD": ["s3cret"]}}'],
  ])("without telling the secret: %s", async (_, name, text) => {
    for (const args of [
      ["status", "-v"],
      ["status", "-v", "-o", "json"],
      ["config", "check"],
      ["config", "check", "-o", "json"],
    ]) {
      const { result } = await withFile(name, text, ...args);
      expect(result.code).toBe(3);
      expect(result.stdout + result.stderr).not.toContain("s3cret");
    }
  });

  test("a file that is not there", async () => {
    const error = errorOf(await workflow.cli("status", "--config", "missing.json"));
    expect(error).toEqual({
      code: 3,
      message: `configuration file ${workflow.directory}/missing.json does not exist`,
      hint: expect.stringContaining("gasw-k8s config init"),
    });
  });

  test("an environment variable", async () => {
    const error = errorOf(await workflow.cliWith({ env: { GASW_K8S_OPTIONS_TTL_JOB: "soon" } }, "status"));
    expect(error).toMatchObject({
      code: 3,
      message: expect.stringMatching(/^GASW_K8S_OPTIONS_TTL_JOB: options\.ttlJob: expected a duration/),
    });
  });

  test("-v adds the cause, and -o json too", async () => {
    const { stderr } = await workflow.cli("status", "--config", "missing.json", "-v");
    expect(stderr).toMatch(/^error: .*\nhint: .*\ncause: ENOENT: .*\n$/);
    expect(jsonErrorOf(await workflow.cli("status", "--config", "missing.json", "-v", "-o", "json")).causes).toEqual([
      expect.stringMatching(/^ENOENT/),
    ]);
  });
});

describe("an unknown key", () => {
  test("is warned about with the nearest known name, and the command goes on", async () => {
    const text = JSON.stringify({ ...JSON.parse(readFileSync(workflow.configFile, "utf8")), nfsAdress: "nfs.example.org" }, null, 2);
    const { file, result } = await withFile("typo.json", text, "config", "check", "-o", "json");
    expect(JSON.parse(result.stdout).warnings).toEqual([`unknown key "nfsAdress" in ${file}:11 (did you mean "nfsAddress"?)`]);
    const check = (await withFile("typo.json", text, "config", "check")).result;
    expect(check).toEqual({
      stdout: `OK: ${file}\n`,
      stderr: `warning: unknown key "nfsAdress" in ${file}:11 (did you mean "nfsAddress"?)\n`,
      code: 0,
    });
    const status = (await withFile("typo.json", text, "status", "--cached")).result;
    expect(status).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/^warning: unknown key "nfsAdress" .*\nerror: workflow .* was not found/),
    });
  });

  test("is warned about in the environment too", async () => {
    const result = await workflow.cliWith({ env: { GASW_K8S_NFS_ADRESS: "x" } }, "config", "check");
    expect(result).toMatchObject({ code: 0, stderr: expect.stringContaining("GASW_K8S_NFS_ADDRESS") });
  });
});

describe("no configuration at all", () => {
  test("config check says all that submit will miss, and with --connect ends as submit would", async () => {
    const cwd = path.join(workflow.folder, "bare");
    mkdirSync(cwd);
    const missing = "missing for submit: no cluster .*\\n.*\\nmissing for submit: no volume .*\\n.*\\nmissing for submit: no image .*\\n.*";
    const stdout = expect.stringMatching(new RegExp(`^OK: no configuration file; .*\\n${missing}\\n$`));
    expect(await workflow.cliWith({ cwd, env: NO_FILE }, "config", "check")).toEqual({ stdout, stderr: "", code: 0 });
    const stderr = expect.stringMatching(/^error: a submission would be refused: no cluster is configured\nhint: /);
    expect(await workflow.cliWith({ cwd, env: NO_FILE }, "config", "check", "--connect")).toEqual({ stdout, stderr, code: 3 });
    const json = await workflow.cliWith({ cwd, env: NO_FILE }, "config", "check", "--connect", "-o", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, missing: Array(3).fill({ hint: expect.any(String) }), checks: [] });
  });

  test("config check --connect says that nobody answers at an address, or something else than an API server, exit 4", async () => {
    const web = createServer((_, answer) => answer.writeHead(404, { "content-type": "text/html" }).end("<html>nothing here</html>"));
    await once(web.listen(0, "127.0.0.1"), "listening");
    const place = { GASW_K8S_NFS_ADDRESS: "nfs", GASW_K8S_NFS_PATH: "/x", GASW_K8S_IMAGE: "debian:12", GASW_K8S_TOKEN: "none" };
    const insecure = { GASW_K8S_INSECURE_SKIP_TLS_VERIFY: "true" };
    try {
      for (const [address, more, message, hint] of [
        ["https://127.0.0.1:1", {}, "cannot reach the cluster", "check the address"],
        [`http://127.0.0.1:${(web.address() as AddressInfo).port}`, insecure, "the cluster", "the response is not from an API server"],
      ] as const) {
        const env = { ...NO_FILE, ...place, ...more, GASW_K8S_ADDRESS: address };
        const { stdout, stderr, code } = await workflow.cliWith({ env }, "config", "check", "--connect");
        expect(stdout).toMatch(new RegExp(`\\nrefused  address     ${address}\\n  ${message} ${address} .*\\n  hint: .*${hint}.*\\n$`));
        expect({ stderr, code }).toMatchObject({ stderr: expect.stringContaining("error: a submission would be refused: "), code: 4 });
      }
    } finally {
      web.close();
    }
  });

  test.each([
    ["no image", [], /^no image is configured$/],
    ["an image alone", ["--image", "debian"], /^no volume is configured for the workflow directory$/],
  ])("submit with %s says what is missing, makes nothing and ends with 3", async (_, args, message) => {
    const script = workflow.script("Job-1", "true\n");
    const error = errorOf(await workflow.cliWith({ env: NO_FILE }, "submit", script, ...args));
    expect(error).toMatchObject({ code: 3, message: expect.stringMatching(message) });
  });

  test("no cluster: the hint names the keys", async () => {
    const script = workflow.script("Job-1", "true\n");
    const env = { ...NO_FILE, GASW_K8S_NFS_ADDRESS: "nfs", GASW_K8S_NFS_PATH: "/x", GASW_K8S_IMAGE: "debian" };
    const error = errorOf(await workflow.cliWith({ env }, "submit", script));
    expect(error).toEqual({
      code: 3,
      message: "no cluster is configured",
      hint: expect.stringMatching(/k8sKubeConfig.*k8sAddress.*config init/),
    });
  });
});

describe("from the lowest to the highest", () => {
  test("the plugin's file, this tool's file found upward, the environment and the options override each other", async () => {
    const cwd = path.join(workflow.folder, "ladder", "below");
    mkdirSync(path.join(cwd, "conf"), { recursive: true });
    const show = async (env: NodeJS.ProcessEnv, ...args: string[]) => {
      const result = await workflow.cliWith({ cwd, env: { ...NO_FILE, ...env } }, "config", "show", "-o", "json", ...args);
      const { config, sources } = JSON.parse(result.stdout);
      return { namespace: config.k8sNamespace, from: sources.k8sNamespace.kind, path: sources.k8sNamespace.path };
    };
    expect(await show({})).toEqual({ namespace: "default", from: "default" });
    const plugins = path.join(cwd, "conf/conf_kubernetes.json");
    writeFileSync(plugins, '{"k8sNamespace": "plugin"}');
    expect(await show({})).toEqual({ namespace: "plugin", from: "file", path: plugins });
    const own = path.join(workflow.folder, "ladder", ".gasw-k8src.yaml");
    writeFileSync(own, "k8sNamespace: own\n");
    expect(await show({})).toEqual({ namespace: "own", from: "file", path: own });
    expect(await show({ GASW_K8S_NAMESPACE: "environment" })).toEqual({ namespace: "environment", from: "environment" });
    expect(await show({ GASW_K8S_NAMESPACE: "environment" }, "-n", "option")).toEqual({ namespace: "option", from: "option" });
  });

  test("a file in the workflow directory counts only when it is named", async () => {
    const file = path.join(workflow.directory, ".gasw-k8src.json");
    writeFileSync(file, '{"k8sNamespace": "from-a-job"}');
    const passedOver = await workflow.cliWith({ env: NO_FILE }, "config", "show", "-o", "json");
    expect(JSON.parse(passedOver.stdout).config.k8sNamespace).toBe("default");
    expect(passedOver.stderr).toMatch(new RegExp(`^warning: ignored ${file}: .*--config\\n$`));
    const below = await workflow.cliWith({ env: NO_FILE, cwd: path.join(workflow.directory, "out") }, "config", "show", "-o", "json");
    expect(JSON.parse(below.stdout).config.k8sNamespace).toBe("default");
    const named = await workflow.cliWith({ env: NO_FILE }, "config", "show", "-o", "json", "--config", file);
    expect(JSON.parse(named.stdout).config.k8sNamespace).toBe("from-a-job");
    rmSync(file);
  });
});

describe("config", () => {
  test.each(["text", "json"])("show masks every secret and names the sources (%s)", async (output) => {
    const secrets = {
      k8sToken: "s3cret-token",
      env: { PASSWORD: "s3cret-env" },
      sidecars: [{ name: "a", image: "i", env: [{ name: "KEY", value: "s3cret-sidecar" }] }],
    };
    const { file, result } = await withFile("secrets.json", JSON.stringify(secrets, null, 2), "config", "show", "-o", output);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).not.toContain("s3cret");
    expect(result.stdout).toContain("PASSWORD");
    expect(result.stdout).toContain(file);
    if (output === "text") expect(result.stdout).toMatch(/^k8sToken +\*\*\* +.*secrets\.json:2$/m);
  });

  test("check says OK with the files, or lists every problem", async () => {
    const good = await workflow.cli("config", "check");
    expect(good).toEqual({ stdout: `OK: ${workflow.configFile}\n`, stderr: "", code: 0 });
    const { result } = await withFile("two.json", '{"image": 1,\n"queue": []}', "config", "check");
    expect(result).toMatchObject({ code: 3, stderr: expect.stringMatching(/^error: the configuration has 2 problems\nhint: .*\n$/) });
    expect(result.stdout.trimEnd().split("\n")).toEqual([expect.stringContaining(":1: image:"), expect.stringContaining(":2: queue:")]);
  });

  test("init writes a valid file for its owner alone, which is found, and never overwrites one (exit 7)", async () => {
    const cwd = path.join(workflow.folder, "fresh");
    mkdirSync(cwd);
    const options = { cwd, env: NO_FILE };
    expect(await workflow.cliWith(options, "config", "init")).toEqual({ stdout: "gasw-k8s.config.yaml\n", stderr: "", code: 0 });
    const file = path.join(cwd, "gasw-k8s.config.yaml");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await workflow.cliWith(options, "config", "check")).toEqual({
      stdout: expect.stringMatching(new RegExp(`^OK: ${file}\\n(missing for submit: .*\\n  hint: .*\\n){3}$`)),
      stderr: "",
      code: 0,
    });
    writeFileSync(file, "image: mine\n");
    expect(errorOf(await workflow.cliWith(options, "config", "init"))).toMatchObject({
      code: 7,
      message: expect.stringContaining("already exists"),
    });
    expect(readFileSync(file, "utf8")).toBe("image: mine\n");
    expect(await workflow.cliWith(options, "config", "init", "kubernetes_plugin.conf")).toMatchObject({ code: 0 });
    const check = await workflow.cliWith(options, "config", "check", "--config", "kubernetes_plugin.conf");
    expect(check).toMatchObject({ code: 0, stderr: "" });
    expect(errorOf(await workflow.cliWith(options, "config", "init", "no/such/folder.yaml"))).toMatchObject({ code: 1 });
  });

  test("schema prints the published JSON Schema", async () => {
    const result = await workflow.cliWith({ env: NO_FILE }, "config", "schema");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(result.stdout)).toEqual(JSON.parse(readFileSync(path.join(root, "docs/gasw-k8s.schema.json"), "utf8")));
  });
});
