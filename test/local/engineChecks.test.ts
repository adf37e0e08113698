import { readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROGRAM, run } from "../e2e/harness.ts";
import { fencedIn, section } from "../e2e/page.ts";
import { type EngineDirectory, jarWith } from "./engineDirectory.ts";
import { type Checked, InstalledWorkflow, NO_CLUSTER, NO_CLUSTER_CODE } from "./installedWorkflow.ts";

let workflow: InstalledWorkflow;
let engine: EngineDirectory;
beforeEach(() => {
  workflow = new InstalledWorkflow();
  engine = workflow.engine;
});
afterEach(() => workflow.cleanup());

test("docs/engine.md: the steps move an installation as they stand there, and the way back leads back", async () => {
  const page = readFileSync(path.join(import.meta.dirname, "../../docs/engine.md"), "utf8");
  const blocks = fencedIn(section(page, "Move an installation"), "bash");
  const [steps, back] = [blocks.slice(0, -1), blocks.slice(-1)];
  expect(steps).toHaveLength(10);
  workflow.use({});
  const own: Record<string, unknown> = JSON.parse(readFileSync(workflow.configFile, "utf8"));
  const { image, workflowsLocation, ...plugins } = own;
  engine.configure(plugins);
  workflow.program("gasw-k8s", `exec '${process.execPath}' '${PROGRAM}' "$@"`);
  const before = engine.read("conf/settings.conf");
  const shell = (lines: readonly string[]) => {
    const filledIn = lines
      .join("\n")
      .replace("/var/www/html/workflows", String(workflowsLocation))
      .replace(/registry\.\S+/, String(image));
    const options = {
      cwd: engine.path,
      env: { PATH: workflow.path, HOME: workflow.folder, JAVA_HOME: engine.java("17.0.9") },
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
    const checked = await workflow.checks("java", { JAVA_HOME: engine.java(version) });
    expect(checked.code).toBe(code);
    const expected = message === null ? { result: "ok", message } : { result: "refused", message: expect.stringMatching(message) };
    expect(checked.of).toEqual([expect.objectContaining(expected)]);
  });

  test("a Java that is not there", async () => {
    const { code, of } = await workflow.checks("java", { JAVA_HOME: "/none" });
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
    const { code, of } = await workflow.checks("gasw");
    expect(of).toEqual([expect.objectContaining({ result, subject: expect.stringMatching(subject) })]);
    expect(code).toBe(result === "refused" ? 3 : NO_CLUSTER_CODE);
    if (file.includes("h2")) expect(of[0]?.message).toContain("could not find GASW's jar");
  });

  test("whether there is a configuration file, and says how to get one", async () => {
    const env = { JAVA_HOME: engine.java("17.0.9"), PATH: workflow.path, GASW_K8S_CONFIG: "" };
    const { stdout } = await workflow.cliWith({ cwd: engine.path, env }, "engine", "install", ".", "-o", "json");
    expect(JSON.parse(stdout).checks.find(({ check }: Checked) => check === "config")).toMatchObject({
      result: "limited",
      message: "no configuration file was found",
      hint: expect.stringContaining("config init --gasw"),
    });
  });

  test("an invalid configuration, without trying the cluster; what was put in place stays", async () => {
    workflow.use({ ...NO_CLUSTER, image: 7 });
    const { stdout, code } = await workflow.install({}, "-o", "json");
    expect(code).toBe(3);
    const told: { checks: Checked[]; diff: string } = JSON.parse(stdout);
    expect(told.checks.filter(({ result }) => result === "refused")).toEqual([
      expect.objectContaining({ check: "config", message: expect.stringMatching(/:\d+: image: expected/) }),
    ]);
    expect(told.checks.map(({ check }) => check)).not.toContain("address");
    expect(told.diff).toContain(`+gasw-k8s.config = ${workflow.configFile}\n`);
    expect(engine.has("plugins/gasw-k8s-plugin.jar")).toBe(true);
  });

  test("a cluster that is not there, without a job", async () => {
    const { stdout, stderr, code } = await workflow.install();
    expect(code).toBe(4);
    expect(stdout).toMatch(/^refused {2}address {5}https:\/\/127\.0\.0\.1:1\n/m);
    expect(stdout).not.toMatch(/^\w+ +job /m);
    expect(stdout).toMatch(/^\+plugin\.executor/m);
    expect(stdout + stderr).not.toContain("s3cret");
  });

  test("the image of jobs, with a job", async () => {
    workflow.use({});
    rmSync(path.join(workflow.programs, "bosh"));
    const { code, of } = await workflow.checks("image");
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
    const env = { JAVA_HOME: engine.java("17.0.9"), PATH: workflow.path };
    const { stdout, code } = await workflow.cliWith({ cwd: workflow.folder, env }, "engine", "install", "link/conf", "-o", "json");
    expect(code).toBe(NO_CLUSTER_CODE);
    expect(JSON.parse(stdout).diff).toContain(`--- ${path.join(workflow.folder, "link/conf/settings.conf")}\n`);
  });
});
