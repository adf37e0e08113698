import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROGRAM, type Result, run, TestWorkflow } from "../e2e/harness.ts";
import { fencedIn, section } from "../e2e/page.ts";
import { misfits } from "../misfits.ts";
import { EngineDirectory, JAVA_PLUGIN, JAVA_PLUGIN_NAME, jarWith } from "./engineDirectory.ts";
import { PLUGIN } from "./enginePlugin.ts";

const OURS = "plugins/gasw-k8s-plugin.jar";

let workflow: TestWorkflow;
let engine: EngineDirectory;
let programs: string;
beforeEach(() => {
  workflow = new TestWorkflow();
  engine = new EngineDirectory(workflow.folder);
  programs = path.join(workflow.folder, "programs");
  mkdirSync(programs);
  program("gasw-k8s", "");
  // What GASW's scripts need in an image, as far as it is not on this machine.
  program("python", "echo 3.11.2");
  writeFileSync(path.join(programs, "bosh"), `#!${path.join(programs, "python")}\n`);
  chmodSync(path.join(programs, "bosh"), 0o755);
  configure(NO_CLUSTER);
});
afterEach(() => workflow.cleanup());

function program(name: string, script: string): void {
  writeFileSync(path.join(programs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(path.join(programs, name), 0o755);
}

/** Configures what jobs can run with. */
function configure(config: Record<string, unknown>): void {
  const workflowsLocation = path.dirname(workflow.directory);
  workflow.configure({ workflowsLocation, env: { PATH: `${programs}:${process.env.PATH}`, SITE_NAME: "here" }, ...config });
}

/** A cluster that nobody answers for: no job is tried there. */
const NO_CLUSTER = { k8sKubeConfig: undefined, k8sAddress: "https://127.0.0.1:1", k8sToken: "s3cret" };
/** The exit code where nothing but the cluster is wrong. */
const NO_CLUSTER_CODE = 4;

interface Checked {
  readonly check: string;
  readonly subject: string;
  readonly result: string;
  readonly message: string | null;
  readonly hint: string | null;
}

/** With a Java and a PATH that are known. */
function install(env: NodeJS.ProcessEnv = {}, ...args: readonly string[]): Promise<Result> {
  const known = { JAVA_HOME: env.JAVA_HOME ?? engine.java("17.0.9"), PATH: `${programs}:${process.env.PATH}`, GASW_K8S_CONFIG: "" };
  const options = { cwd: workflow.folder, env: { ...known, ...env } };
  return workflow.cliWith(options, "engine", "install", engine.path, "--config", workflow.configFile, ...args);
}

/** The checks of one kind, as a program gets them. */
async function checks(kind: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; of: Checked[] }> {
  const { stdout, code } = await install(env, "-o", "json");
  expect(misfits("engineInstall", stdout)).toEqual([]);
  const told: { ok: boolean; checks: Checked[] } = JSON.parse(stdout);
  expect(told.ok).toBe(code === 0);
  return { code, of: told.checks.filter(({ check }) => check === kind) };
}

/** Applies what was printed, as it says. */
function patch(printed: string, ...options: readonly string[]): void {
  const file = path.join(workflow.folder, "printed");
  writeFileSync(file, printed);
  execFileSync("patch", ["-s", ...options, engine.file("conf/settings.conf"), file]);
}

describe("engine install", () => {
  test("puts the plugin beside the Java plugin, checks all that jobs need, and shows the lines to change, which patch applies and takes back", async () => {
    configure({});
    const before = engine.read("conf/settings.conf");
    const { stdout, stderr, code } = await install();
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const results = stdout.match(/^(ok|limited|refused) +\w+/gm)?.map((line) => line.replace(/ +/, " ")) ?? [];
    expect([...new Set(results)].slice(0, 12)).toEqual([
      ...["ok plugin", "ok java", "ok gasw", "ok command", "ok config"],
      ...["ok address", "ok identity", "ok permission", "ok namespace", "ok volume", "ok job", "ok directory"],
    ]);
    expect(stdout).toMatch(/^limited {2}settings .*settings\.conf\n {2}the lines at the end .*\n {2}hint: .*`patch -b .*`patch -R /m);
    expect(stdout).toContain(`ok       plugin      ${engine.file(OURS)} (installed)\nok       java        Java 17.0.9 (`);
    expect(readFileSync(engine.file(OURS)).equals(readFileSync(PLUGIN))).toBe(true);
    expect(engine.mode(OURS)).toBe(0o644);
    expect(engine.has(`plugins/${JAVA_PLUGIN_NAME}`)).toBe(true);
    expect(engine.read("conf/settings.conf")).toBe(before);
    expect(stdout).not.toContain("s3cret");

    patch(stdout, "-b");
    const after = engine.read("conf/settings.conf");
    const plugins = `${engine.file("plugins/gasw-dirac-plugin.jar")}, ${engine.file(OURS)}`;
    expect(after).toBe(
      before.replace(/^plugin\.executor = .*\n/m, `plugin.executor = ${plugins}\ngasw-k8s.config = ${workflow.configFile}\n`),
    );
    configure(NO_CLUSTER);
    const again = await install();
    expect(again.code).toBe(NO_CLUSTER_CODE);
    expect(again.stdout).toMatch(/^ok {7}plugin {6}.*\(up to date\)$/m);
    expect(again.stdout).toMatch(/^ok {7}settings .*settings\.conf \(nothing is to be changed\)\n$/m);
    patch(stdout, "-R");
    expect(engine.read("conf/settings.conf")).toBe(before);
    expect(readdirSync(engine.file("plugins")).filter((name) => name.endsWith(".new"))).toEqual([]);
    // The probe has left nothing.
    expect(await workflow.jobs()).toEqual([]);
    expect(readdirSync(path.dirname(workflow.directory))).toEqual([workflow.id]);
  });

  test("uses the configuration that the settings name, where none is given", async () => {
    engine.change(/^/, `gasw-k8s.config=${workflow.configFile}\n`);
    const options = { cwd: workflow.folder, env: { JAVA_HOME: engine.java("21"), GASW_K8S_CONFIG: "" } };
    const { stdout } = await workflow.cliWith(options, "engine", "install", engine.path);
    expect(stdout).toContain(`ok       config      ${workflow.configFile}\n`);
    expect(stdout).not.toMatch(/^[+-]gasw-k8s\.config/m);
  });

  test("asks for one file where the engine would not find all that were found here", async () => {
    const config = JSON.parse(readFileSync(workflow.configFile, "utf8"));
    const found = { cwd: engine.path, env: { JAVA_HOME: engine.java("21"), GASW_K8S_CONFIG: "" } };
    const run = () => workflow.cliWith(found, "engine", "install", ".", "-o", "json");
    engine.write(".gasw-k8src.json", JSON.stringify(config));
    expect(JSON.parse((await run()).stdout).diff).toContain(`\n+gasw-k8s.config = ${engine.file(".gasw-k8src.json")}\n`);
    engine.configure({ k8sNamespace: workflow.namespace }, "conf/conf_kubernetes.json");
    const two = JSON.parse((await run()).stdout);
    expect(two.checks.find(({ check }: Checked) => check === "config")).toMatchObject({
      result: "refused",
      message: expect.stringMatching(/^the engine would not find .*conf_kubernetes\.json and .*\.gasw-k8src\.json$/),
      hint: expect.stringContaining("config init --gasw"),
    });
    rmSync(engine.file("conf/conf_kubernetes.json"));
    rmSync(engine.file(".gasw-k8src.json"));
    writeFileSync(path.join(path.dirname(workflow.directory), ".gasw-k8src.json"), JSON.stringify(config));
    const options = { ...found, cwd: path.dirname(workflow.directory) };
    const { stdout } = await workflow.cliWith(options, "engine", "install", engine.path, "-o", "json");
    expect(JSON.parse(stdout).diff).not.toContain("gasw-k8s.config");
  });

  test("prefers the configuration that it is given to the one that the settings name", async () => {
    engine.change(/^/, "gasw-k8s.config = /none.yaml\n");
    const { stdout } = await install({}, "-o", "json");
    expect(JSON.parse(stdout).diff).toContain(`-gasw-k8s.config = /none.yaml\n+gasw-k8s.config = ${workflow.configFile}\n`);
  });

  test("names the program in the settings where it is not on the PATH", async () => {
    mkdirSync(path.join(workflow.folder, "opt/gasw-k8s"), { recursive: true });
    const { stdout } = await install({ PATH: `${workflow.folder}/opt:/usr/bin:/bin` }, "-o", "json");
    const { diff, checks } = JSON.parse(stdout);
    expect(diff).toMatch(/^\+gasw-k8s\.command = \/.*\/bin\/gasw-k8s\.js$/m);
    expect(checks.find(({ check }: Checked) => check === "command").subject).toMatch(/\/bin\/gasw-k8s\.js$/);
  });

  test("replaces an older plugin of its own while a program has that open", async () => {
    engine.write(OURS, jarWith({ "gaswk8s/KubernetesExecutor.class": "old" }));
    const open = openSync(engine.file(OURS), "r");
    const old = readFileSync(engine.file(OURS));
    expect((await checks("plugin")).of).toEqual([expect.objectContaining({ subject: `${engine.file(OURS)} (replaced)` })]);
    const still = Buffer.alloc(old.length);
    readSync(open, still, 0, old.length, 0);
    expect(still.equals(old)).toBe(true);
    expect(readFileSync(engine.file(OURS)).equals(readFileSync(PLUGIN))).toBe(true);
  });

  test("never overwrites another file, and then leaves the settings alone", async () => {
    for (const content of [JAVA_PLUGIN, "no jar", ""]) {
      engine.write(OURS, content);
      const before = readFileSync(engine.file(OURS));
      const { code, stdout, stderr } = await install();
      expect(code).toBe(7);
      expect(stderr).toMatch(/^error: the engine's jobs would not run: .*gasw-k8s-plugin\.jar is not a plugin of gasw-k8s.*\nhint: /);
      expect(stdout).not.toMatch(/settings\.conf|^---/m);
      expect(readFileSync(engine.file(OURS)).equals(before)).toBe(true);
    }
  });

  test("says where the plugin cannot be written", async () => {
    rmSync(engine.file("plugins"), { recursive: true });
    engine.write("plugins", "a file");
    const { code, of } = await checks("plugin");
    expect(code).toBe(1);
    expect(of).toEqual([expect.objectContaining({ result: "refused", hint: expect.stringContaining("may write there") })]);
  });

  test.each([
    ["by its contents, whatever its name is", "/p/k8s.jar", () => engine.write("p/k8s.jar", JAVA_PLUGIN), "p/gasw-k8s-plugin.jar"],
    ["by its name, where it is not there any more", "/none/gasw-kubernetes-plugin.jar", () => undefined, OURS],
  ])("recognises the Java plugin %s", async (_, entry, prepare, place) => {
    prepare();
    engine.change(/^plugin\.executor = .*/m, `plugin.executor=${engine.path}${entry}`);
    const { stdout } = await install({}, "-o", "json");
    expect(JSON.parse(stdout).diff).toContain(`-plugin.executor=${engine.path}${entry}\n+plugin.executor=${engine.file(place)}\n`);
    expect(engine.has(place)).toBe(true);
  });

  test.each([
    ["beside another executor's plugin", "plugins/gasw-local-plugin.jar", "plugins/gasw-k8s-plugin.jar"],
    ["in plugins/ where there is none", "none/gasw-local-plugin.jar", "plugins/gasw-k8s-plugin.jar"],
    ["where its own entry has it, in whatever form", "elsewhere/gasw-k8s-plugin.jar", "elsewhere/gasw-k8s-plugin.jar"],
  ])("puts the plugin %s", async (_, entry, place) => {
    if (entry.startsWith("plugins/")) engine.write(entry, jarWith({}));
    engine.change(/^plugin\.executor = .*/m, `plugin.executor=${entry}`);
    const { stdout } = await install({}, "-o", "json");
    expect(engine.has(place)).toBe(true);
    const added = entry === place ? [] : [`+plugin.executor=${entry},${engine.file(place)}`];
    expect(JSON.parse(stdout).diff.match(/^\+plugin\.executor.*/gm) ?? []).toEqual(added);
  });

  test("says that an entry which is a folder loads whatever is in it", async () => {
    engine.change(/^plugin\.executor = .*/m, `plugin.executor = ${engine.file("plugins")}`);
    const { of } = await checks("plugin");
    expect(of.map(({ result }) => result)).toEqual(["ok", "limited"]);
    expect(of[1]).toMatchObject({ subject: engine.file("plugins"), hint: expect.stringContaining("without the Java plugin's") });
    expect(engine.has(OURS)).toBe(true);
  });

  test("names the settings themselves where conf/ has a link to them: patch follows none", async () => {
    engine.write("etc/settings", engine.read("conf/settings.conf"));
    rmSync(engine.file("conf/settings.conf"));
    symlinkSync(engine.file("etc/settings"), engine.file("conf/settings.conf"));
    const { stdout } = await install();
    expect(stdout).toContain(`\`patch -b ${engine.file("etc/settings")} OUTPUT\``);
  });

  test("keeps settings in any encoding as they are", async () => {
    const latin1 = Buffer.from("# r\u00e9glages\nplugin.listener=/\u00e9/x.jar\ndefault.executor=\u00e9\n", "latin1");
    engine.write("conf/settings.conf", Buffer.concat([latin1, Buffer.from(engine.read("conf/settings.conf"))]));
    const file = path.join(workflow.folder, "printed");
    const { PATH } = process.env;
    const env = { ...workflow.env, JAVA_HOME: engine.java("17.0.9"), PATH: `${programs}:${PATH}` };
    const { stdout } = spawnSync(process.execPath, [PROGRAM, "engine", "install", engine.path], { cwd: workflow.folder, env });
    writeFileSync(file, stdout);
    execFileSync("patch", ["-s", engine.file("conf/settings.conf"), file]);
    const after = readFileSync(engine.file("conf/settings.conf"));
    expect(after.subarray(0, 45).toString("latin1")).toContain("# r\u00e9glages\nplugin.listener=/\u00e9/x.jar\n");
    expect(after.toString("latin1")).toContain("\ndefault.executor=Kubernetes\n");
  });
});

test("docs/engine.md: the steps move an installation as they stand there, and the way back leads back", async () => {
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/engine.md"), "utf8");
  const blocks = fencedIn(section(page, "Move an installation"), "bash");
  const [steps, back] = [blocks.slice(0, -1), blocks.slice(-1)];
  expect(steps).toHaveLength(10);
  configure({});
  const own: Record<string, unknown> = JSON.parse(readFileSync(workflow.configFile, "utf8"));
  const { image, workflowsLocation, ...plugins } = own;
  engine.configure(plugins);
  program("gasw-k8s", `exec '${process.execPath}' '${PROGRAM}' "$@"`);
  const before = engine.read("conf/settings.conf");
  const shell = (lines: readonly string[]) => {
    const filledIn = lines
      .join("\n")
      .replace("/var/www/html/workflows", String(workflowsLocation))
      .replace(/registry\.\S+/, String(image));
    const options = {
      cwd: engine.path,
      env: { PATH: `${programs}:${process.env.PATH}`, HOME: workflow.folder, JAVA_HOME: engine.java("17.0.9") },
    };
    return run("bash", ["-eo", "pipefail", "-c", filledIn], options);
  };
  const moved = await shell(steps);
  expect(moved).toMatchObject({ code: 0 });
  expect(moved.stdout).toMatch(/^ok {7}job +/m);
  expect(moved.stdout.trimEnd().split("\n").slice(-3)).toEqual([
    expect.stringMatching(/^plugin\.executor = .*\/plugins\/gasw-k8s-plugin\.jar$/),
    `gasw-k8s.config = ${engine.file("gasw-k8s.config.yaml")}`,
    "default.executor = Kubernetes",
  ]);
  expect(engine.read("conf/settings.conf.orig")).toBe(before);
  expect(await shell(back)).toMatchObject({ code: 0 });
  expect(engine.read("conf/settings.conf")).toBe(before);
});

describe("engine install checks", () => {
  test.each([
    ["11.0.2", 3, /Java 11\.0\.2$/],
    ["1.8.0_292", 3, /Java 1\.8\.0_292$/],
    ["21", NO_CLUSTER_CODE, null],
  ])("Java %s", async (version, code, message) => {
    const checked = await checks("java", { JAVA_HOME: engine.java(version) });
    expect(checked.code).toBe(code);
    const expected = message === null ? { result: "ok", message } : { result: "refused", message: expect.stringMatching(message) };
    expect(checked.of).toEqual([expect.objectContaining(expected)]);
  });

  test("a Java that is not there", async () => {
    const { code, of } = await checks("java", { JAVA_HOME: "/none" });
    expect({ code, of }).toMatchObject({
      code: 3,
      of: [{ message: "/none/bin/java does not exist", hint: expect.stringContaining("JAVA_HOME") }],
    });
  });

  const about = (version: string) => jarWith({ "META-INF/maven/fr.insalyon.creatis/gasw/pom.properties": `#x\nversion=${version}\n` });
  test.each([
    ["in lib/, by its name", "lib/gasw-3.9.1.jar", jarWith({}), "ok", /^GASW 3\.9\.1 /],
    ["beside the directory", "../gasw-4.0-jar-with-dependencies.jar", jarWith({}), "ok", /^GASW 4\.0 /],
    ["by what it says of itself", "gasw-1.jar", about("4.3"), "ok", /^GASW 4\.3 .*gasw-1\.jar/],
    ["in an engine that is one jar", "moteurlite.jar", about("4.2"), "ok", /^GASW 4\.2 .*moteurlite/],
    ["that is newer", "libs/gasw-4.4.jar", about("4.4"), "limited", /^GASW 4\.4 /],
    ["that is too old", "libs/gasw-2.1.jar", jarWith({}), "refused", /^GASW 2\.1 /],
    ["that is not there", "libs/gasw-h2-plugin-3.1.0.jar", jarWith({}), "limited", /engine$/],
  ])("GASW %s", async (_, file, jar, result, subject) => {
    rmSync(engine.file("libs"), { recursive: true });
    engine.write(file, jar);
    const { code, of } = await checks("gasw");
    expect(of).toEqual([expect.objectContaining({ result, subject: expect.stringMatching(subject) })]);
    expect(code).toBe(result === "refused" ? 3 : NO_CLUSTER_CODE);
    if (file.includes("h2")) expect(of[0]?.message).toContain("could not find GASW's jar");
  });

  test("whether there is a configuration file, and says how to get one", async () => {
    const env = { JAVA_HOME: engine.java("17.0.9"), PATH: `${programs}:${process.env.PATH}`, GASW_K8S_CONFIG: "" };
    const { stdout } = await workflow.cliWith({ cwd: engine.path, env }, "engine", "install", ".", "-o", "json");
    expect(JSON.parse(stdout).checks.find(({ check }: Checked) => check === "config")).toMatchObject({
      result: "limited",
      message: "no configuration file was found",
      hint: expect.stringContaining("config init --gasw"),
    });
  });

  test("an invalid configuration, without trying the cluster; what was put in place stays", async () => {
    configure({ ...NO_CLUSTER, image: 7 });
    const { stdout, code } = await install({}, "-o", "json");
    expect(code).toBe(3);
    const told: { checks: Checked[]; diff: string } = JSON.parse(stdout);
    expect(told.checks.filter(({ result }) => result === "refused")).toEqual([
      expect.objectContaining({ check: "config", message: expect.stringMatching(/:\d+: image: expected/) }),
    ]);
    expect(told.checks.map(({ check }) => check)).not.toContain("address");
    expect(told.diff).toContain(`+gasw-k8s.config = ${workflow.configFile}\n`);
    expect(engine.has(OURS)).toBe(true);
  });

  test("a cluster that is not there, without a job", async () => {
    const { stdout, stderr, code } = await install();
    expect(code).toBe(4);
    expect(stdout).toMatch(/^refused {2}address {5}https:\/\/127\.0\.0\.1:1\n/m);
    expect(stdout).not.toMatch(/^\w+ +job /m);
    expect(stdout).toMatch(/^\+plugin\.executor/m);
    expect(stdout + stderr).not.toContain("s3cret");
  });

  test("the image of jobs, with a job", async () => {
    configure({});
    rmSync(path.join(programs, "bosh"));
    const { code, of } = await checks("image");
    expect(code).toBe(1);
    expect(of.filter(({ result }) => result === "refused")).toEqual([
      expect.objectContaining({ message: expect.stringContaining("bosh") }),
    ]);
  });

  test("first of all whether the directory is an engine's", async () => {
    const result = await workflow.cliWith({}, "engine", "install", workflow.directory, "-o", "json");
    expect(result).toMatchObject({ code: 3, stdout: "" });
    expect(JSON.parse(result.stderr).error.message).toMatch(/has no conf\/$/);
  });

  test("through a link to the directory, too", async () => {
    symlinkSync(engine.path, path.join(workflow.folder, "link"));
    const env = { JAVA_HOME: engine.java("17.0.9"), PATH: `${programs}:${process.env.PATH}` };
    const { stdout, code } = await workflow.cliWith({ cwd: workflow.folder, env }, "engine", "install", "link/conf", "-o", "json");
    expect(code).toBe(NO_CLUSTER_CODE);
    expect(JSON.parse(stdout).diff).toContain(`--- ${path.join(workflow.folder, "link/conf/settings.conf")}\n`);
  });
});
