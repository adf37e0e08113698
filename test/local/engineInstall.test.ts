import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROGRAM } from "../e2e/harness.ts";
import { type EngineDirectory, JAVA_PLUGIN, JAVA_PLUGIN_NAME, jarWith } from "./engineDirectory.ts";
import { PLUGIN } from "./enginePlugin.ts";
import { type Checked, InstalledWorkflow, NO_CLUSTER, NO_CLUSTER_CODE } from "./installedWorkflow.ts";

const OURS = "plugins/gasw-k8s-plugin.jar";

let workflow: InstalledWorkflow;
let engine: EngineDirectory;
beforeEach(() => {
  workflow = new InstalledWorkflow();
  engine = workflow.engine;
});
afterEach(() => workflow.cleanup());

/** Applies what was printed, as it says. */
function patch(printed: string, ...options: readonly string[]): void {
  const file = path.join(workflow.folder, "printed");
  writeFileSync(file, printed);
  execFileSync("patch", ["-s", ...options, engine.file("conf/settings.conf"), file]);
}

describe("engine install", () => {
  test("puts the plugin beside the Java plugin, checks all that jobs need, and shows the lines to change, which patch applies and takes back", async () => {
    workflow.use({});
    const before = engine.read("conf/settings.conf");
    const { stdout, stderr, code } = await workflow.install();
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
    workflow.use(NO_CLUSTER);
    const again = await workflow.install();
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
    const { stdout } = await workflow.install({}, "-o", "json");
    expect(JSON.parse(stdout).diff).toContain(`-gasw-k8s.config = /none.yaml\n+gasw-k8s.config = ${workflow.configFile}\n`);
  });

  test("names the program in the settings where it is not on the PATH", async () => {
    mkdirSync(path.join(workflow.folder, "opt/gasw-k8s"), { recursive: true });
    const { stdout } = await workflow.install({ PATH: `${workflow.folder}/opt:/usr/bin:/bin` }, "-o", "json");
    const { diff, checks } = JSON.parse(stdout);
    expect(diff).toMatch(/^\+gasw-k8s\.command = \/.*\/bin\/gasw-k8s\.js$/m);
    expect(checks.find(({ check }: Checked) => check === "command").subject).toMatch(/\/bin\/gasw-k8s\.js$/);
  });

  test("replaces an older plugin of its own while a program has that open", async () => {
    engine.write(OURS, jarWith({ "gaswk8s/KubernetesExecutor.class": "old" }));
    const open = openSync(engine.file(OURS), "r");
    const old = readFileSync(engine.file(OURS));
    expect((await workflow.checks("plugin")).of).toEqual([expect.objectContaining({ subject: `${engine.file(OURS)} (replaced)` })]);
    const still = Buffer.alloc(old.length);
    readSync(open, still, 0, old.length, 0);
    expect(still.equals(old)).toBe(true);
    expect(readFileSync(engine.file(OURS)).equals(readFileSync(PLUGIN))).toBe(true);
  });

  test("never overwrites another file, and then leaves the settings alone", async () => {
    for (const content of [JAVA_PLUGIN, "no jar", ""]) {
      engine.write(OURS, content);
      const before = readFileSync(engine.file(OURS));
      const { code, stdout, stderr } = await workflow.install();
      expect(code).toBe(7);
      expect(stderr).toMatch(/^error: the engine's jobs would not run: .*gasw-k8s-plugin\.jar is not a plugin of gasw-k8s.*\nhint: /);
      expect(stdout).not.toMatch(/settings\.conf|^---/m);
      expect(readFileSync(engine.file(OURS)).equals(before)).toBe(true);
    }
  });

  test("says where the plugin cannot be written", async () => {
    rmSync(engine.file("plugins"), { recursive: true });
    engine.write("plugins", "a file");
    const { code, of } = await workflow.checks("plugin");
    expect(code).toBe(1);
    expect(of).toEqual([expect.objectContaining({ result: "refused", hint: expect.stringContaining("may write there") })]);
  });

  test.each([
    ["by its contents, whatever its name is", "/p/k8s.jar", () => engine.write("p/k8s.jar", JAVA_PLUGIN), "p/gasw-k8s-plugin.jar"],
    ["by its name, where it is not there any more", "/none/gasw-kubernetes-plugin.jar", () => undefined, OURS],
  ])("recognises the Java plugin %s", async (_, entry, prepare, place) => {
    prepare();
    engine.change(/^plugin\.executor = .*/m, `plugin.executor=${engine.path}${entry}`);
    const { stdout } = await workflow.install({}, "-o", "json");
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
    const { stdout } = await workflow.install({}, "-o", "json");
    expect(engine.has(place)).toBe(true);
    const added = entry === place ? [] : [`+plugin.executor=${entry},${engine.file(place)}`];
    expect(JSON.parse(stdout).diff.match(/^\+plugin\.executor.*/gm) ?? []).toEqual(added);
  });

  test("says that an entry which is a folder loads whatever is in it", async () => {
    engine.change(/^plugin\.executor = .*/m, `plugin.executor = ${engine.file("plugins")}`);
    const { of } = await workflow.checks("plugin");
    expect(of.map(({ result }) => result)).toEqual(["ok", "limited"]);
    expect(of[1]).toMatchObject({ subject: engine.file("plugins"), hint: expect.stringContaining("without the Java plugin's") });
    expect(engine.has(OURS)).toBe(true);
  });

  test("names the settings themselves where conf/ has a link to them: patch follows none", async () => {
    engine.write("etc/settings", engine.read("conf/settings.conf"));
    rmSync(engine.file("conf/settings.conf"));
    symlinkSync(engine.file("etc/settings"), engine.file("conf/settings.conf"));
    const { stdout } = await workflow.install();
    expect(stdout).toContain(`\`patch -b ${engine.file("etc/settings")} OUTPUT\``);
  });

  test("says which files the settings include: it reads none of them", async () => {
    engine.change(/^/, "include = more.conf\n");
    const { stdout, code } = await workflow.install();
    expect(code).toBe(NO_CLUSTER_CODE);
    expect(stdout).toMatch(
      /^limited {2}settings .*settings\.conf\n {2}the settings include more\.conf, .*\n {2}hint: if it sets plugin\.executor/m,
    );
  });

  test("keeps settings in any encoding as they are", async () => {
    const latin1 = Buffer.from("# r\u00e9glages\nplugin.listener=/\u00e9/x.jar\ndefault.executor=\u00e9\n", "latin1");
    engine.write("conf/settings.conf", Buffer.concat([latin1, Buffer.from(engine.read("conf/settings.conf"))]));
    const file = path.join(workflow.folder, "printed");
    const env = { ...workflow.env, JAVA_HOME: engine.java("17.0.9"), PATH: workflow.path };
    const { stdout } = spawnSync(process.execPath, [PROGRAM, "engine", "install", engine.path], { cwd: workflow.folder, env });
    writeFileSync(file, stdout);
    execFileSync("patch", ["-s", engine.file("conf/settings.conf"), file]);
    const after = readFileSync(engine.file("conf/settings.conf"));
    expect(after.subarray(0, 45).toString("latin1")).toContain("# r\u00e9glages\nplugin.listener=/\u00e9/x.jar\n");
    expect(after.toString("latin1")).toContain("\ndefault.executor=Kubernetes\n");
  });
});
