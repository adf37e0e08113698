import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestWorkflow } from "../e2e/harness.ts";
import { EngineDirectory, jarWith } from "./engineDirectory.ts";

/** The Java plugin's file, in the keys of its three generations. */
const GENERATIONS = {
  oldest: { k8s_address: "https://k8s:6443", k8s_token: "s3cret-token", k8s_namespace: "vip", nfs_address: "nfs", nfs_path: "/x/" },
  example: {
    k8sAddress: "https://k8s:6443",
    k8sToken: "s3cret-token",
    k8sKubeConfig: "",
    k8sNamespace: "vip",
    nfsAddress: "nfs",
    nfsPath: "/x/",
    options: { ttlJob: "500", statusRetryWait: "2000", storageClassName: "" },
    volumes: [{ name: "SharedData", nfsFolder: "SharedData", mountPathContainer: "/SharedData", accessModes: "ReadOnlyMany" }],
  },
  newest: {
    k8sKubeConfig: "kubeconfig",
    k8sNamespace: "vip",
    nfsAddress: "nfs",
    nfsPath: "/x/",
    workflowsLocation: "/var/www/html/workflows",
    options: { ttlJobInSeconds: 60, timeToVolumeBeReadyInSeconds: 30 },
  },
};

let workflow: TestWorkflow;
let engine: EngineDirectory;
beforeEach(() => {
  workflow = new TestWorkflow();
  engine = new EngineDirectory(workflow.folder);
});
afterEach(() => workflow.cleanup());

const NO_FILE = { GASW_K8S_CONFIG: "" };
const cli = (...args: readonly string[]) => workflow.cliWith({ cwd: workflow.folder, env: NO_FILE }, ...args);
const init = (file = "new.yaml", from = engine.path) => cli("config", "init", "--gasw", from, file);

/** What a file configures, with what is not at its default. */
async function configured(file = "new.yaml"): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await cli("config", "show", "-o", "json", "--config", file);
  expect(stderr).toBe("");
  const { config, sources } = JSON.parse(stdout);
  const set = Object.entries<{ kind: string }>(sources).filter(([, { kind }]) => kind === "file");
  return Object.fromEntries(set.map(([key]) => [key, key.split(".").reduce((value, name) => value[name], config)]));
}

describe("config init --gasw", () => {
  const dao = {
    "dao.url": "jdbc:h2:tcp://moteur.example.org:9092/{workflowDir}/db/jobs",
    "dao.user": "gasw",
    "dao.password": "***",
  };

  test.each([
    ["oldest", "kubernetes_plugin.conf", { k8sAddress: "https://k8s:6443", k8sToken: "***", nfsPath: "/x" }],
    [
      "example",
      "kubernetes_plugin.conf",
      {
        k8sAddress: "https://k8s:6443",
        k8sToken: "***",
        nfsPath: "/x",
        "options.ttlJob": 500,
        "options.statusRetryWait": 2000,
        "options.storageClassName": "",
        volumes: [expect.objectContaining({ name: "SharedData", nfsFolder: "SharedData", accessModes: "ReadOnlyMany" })],
      },
    ],
    [
      "newest",
      "conf_kubernetes.json",
      { nfsPath: "/x", workflowsLocation: "/var/www/html/workflows", "options.ttlJob": 60, "options.bindTimeout": 30 },
    ],
  ] as const)("takes over all of the Java plugin's %s file, the retries and the database", async (generation, name, expected) => {
    engine.configure(GENERATIONS[generation], `conf/${name}`);
    const { stdout, stderr, code } = await init();
    expect({ stdout, code }).toEqual({ stdout: "new.yaml\n", code: 0 });
    const unset = generation === "newest" ? ["image"] : ["workflowsLocation", "image"];
    expect(stderr.match(/(?<=^not taken: )[\w.]+/gm)).toEqual([...unset, "minorstatus.service.enabled"]);
    const driverJar = engine.file("plugins/gasw-h2-plugin-3.1.0-jar-with-dependencies.jar");
    const common = { k8sNamespace: "vip", nfsAddress: "nfs", retryCount: 2, ...dao, "dao.driverJar": driverJar };
    const kubeconfig = generation === "newest" ? { k8sKubeConfig: engine.file("kubeconfig") } : {};
    expect(await configured()).toEqual({ ...common, ...kubeconfig, ...expected });
    expect(await cli("config", "check", "--config", "new.yaml")).toMatchObject({ code: 0, stderr: "" });
    const text = readFileSync(path.join(workflow.folder, "new.yaml"), "utf8");
    expect(text).toContain(`# Taken from ${JSON.stringify(engine.file(`conf/${name}`))}.\n`);
    expect(text).toMatch(/^# API server; with k8sToken or k8sTokenFile\.$/m);
    expect(text).toMatch(/^password: s3cret$|^ {2}password: s3cret$/m);
  });

  test("writes JSON where the name says so, for its owner alone, and never over a file", async () => {
    engine.configure(GENERATIONS.example);
    expect(await init("new.json", engine.file("conf"))).toMatchObject({ code: 0, stdout: "new.json\n" });
    const file = path.join(workflow.folder, "new.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ k8sNamespace: "vip", retryCount: 2, options: { ttlJob: "500" } });
    expect(engine.mode("../new.json")).toBe(0o600);
    expect(await configured("new.json")).toMatchObject({ nfsAddress: "nfs", ...dao });
    const before = readFileSync(file, "utf8");
    const again = await init("new.json");
    expect(again).toMatchObject({ code: 7, stdout: "", stderr: expect.stringMatching(/^error: new\.json already exists\nhint: /) });
    expect(again.stderr).not.toContain("s3cret");
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("takes over a MySQL database, with the plugin's own defaults", async () => {
    engine.configure(GENERATIONS.example);
    engine.change(/^plugin\.db = .*/m, "plugin.db = /p/gasw-mysql-plugin-1.0-jar-with-dependencies.jar");
    engine.change(/^plugin\.h2[\s\S]*/m, "plugin.mysql.server.host=db\nplugin.mysql.password=s3cret\n");
    await init();
    expect(await configured()).toMatchObject({ "dao.url": "mysql://db:3306/gasw", "dao.user": "gasw", "dao.password": "***" });
  });

  test("takes an empty H2 password for what it is, and the schema", async () => {
    engine.configure(GENERATIONS.example);
    engine.change(/^plugin\.h2\.password.*/m, "plugin.h2.password =");
    engine.change("schema = PUBLIC", "schema = GASW");
    await init();
    const url = `${dao["dao.url"]};SCHEMA=GASW`;
    expect(await configured()).toMatchObject({ "dao.url": url, "dao.passwordFile": "/dev/null" });
  });

  test("reads settings with Windows line ends, and says that a byte order mark confuses GASW", async () => {
    engine.configure(GENERATIONS.example);
    engine.write("conf/settings.conf", `\ufeff${engine.read("conf/settings.conf").replaceAll("\n", "\r\n")}`);
    engine.write("conf/kubernetes_plugin.conf", `\ufeff${engine.read("conf/kubernetes_plugin.conf").replaceAll("\n", "\r\n")}`);
    expect(await init()).toMatchObject({ code: 0, stderr: expect.stringMatching(/^not taken: the byte order mark .*GASW/m) });
    expect(await configured()).toMatchObject({ retryCount: 2, nfsAddress: "nfs", ...dao });
  });

  test("reads MOTEUR's default.conf where there is no settings.conf", async () => {
    engine.configure(GENERATIONS.example);
    engine.write("conf/default.conf", engine.read("conf/settings.conf"));
    rmSync(engine.file("conf/settings.conf"));
    await init();
    expect(await configured()).toMatchObject({ retryCount: 2, ...dao });
  });

  test.each([
    ["no plugin's file", () => rmSync(engine.file("conf/kubernetes_plugin.conf")), /the Java plugin's file: .*; set the cluster/],
    ["no database plugin", () => engine.change(/^plugin\.(db|h2).*\n/gm, ""), /plugin\.db: no database plugin.*; set dao/],
    [
      "a database plugin that nobody knows",
      () => engine.change(/^plugin\.db.*[\s\S]*/m, "plugin.db=/p/x.jar\n"),
      /plugin\.db: \/p\/x\.jar .*; set dao/,
    ],
    [
      "H2 without its server",
      () => engine.change("server.enabled = true", "server.enabled = false"),
      /plugin\.h2\.server\.enabled .*; start H2's/,
    ],
    [
      "no H2 driver",
      () => engine.change(/^plugin\.db = .*/m, "plugin.db = /none/gasw-h2-plugin.jar"),
      /dao\.driverJar: \/none\/.*; set it to/,
    ],
    ["settings that include others", () => engine.change(/^/, "include = more.conf\n"), /include: .*; add what they say/],
    [
      "a key that nobody knows",
      () => engine.configure({ ...GENERATIONS.example, imagee: "x" }),
      /unknown key "imagee" .*did you mean "?image/,
    ],
  ])("names what it cannot take over, with what to do: %s", async (_, change, line) => {
    engine.configure(GENERATIONS.example);
    change();
    const { stderr, code } = await init();
    expect(code).toBe(0);
    expect(
      stderr
        .trimEnd()
        .split("\n")
        .filter((one) => line.test(one.replace(/^not taken: /, ""))),
    ).toHaveLength(1);
    expect(await cli("config", "check", "--config", "new.yaml")).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([
    ["a directory that is not there", () => `${engine.path}/none`, () => undefined, /engine\/none does not exist/],
    ["a file", () => engine.file("conf/settings.conf"), () => undefined, /settings\.conf is not a directory/],
    ["a directory without conf/", () => workflow.directory, () => undefined, /workflow-\w+ has no conf\//],
    ["no settings.conf", () => engine.path, () => rmSync(engine.file("conf/settings.conf")), /conf has no settings\.conf/],
    [
      "settings that cannot be read",
      () => engine.path,
      () => {
        rmSync(engine.file("conf/settings.conf"));
        engine.write("conf/settings.conf/file", "");
      },
      /settings\.conf cannot be read \(EISDIR\)/,
    ],
    [
      "both of the Java plugin's files",
      () => engine.path,
      () => engine.configure(GENERATIONS.newest, "conf/conf_kubernetes.json"),
      /has both kubernetes_plugin\.conf and conf_kubernetes\.json/,
    ],
    [
      "an invalid file of the Java plugin",
      () => engine.path,
      () => engine.configure({ ...GENERATIONS.example, nfsPath: 7 }),
      /kubernetes_plugin\.conf:\d+: nfsPath: expected/,
    ],
    [
      "a file of the Java plugin that is not JSON",
      () => engine.path,
      () => engine.write("conf/kubernetes_plugin.conf", '{"k8sToken": "s3cret-token" '),
      /kubernetes_plugin\.conf:1:\d+: not JSON/,
    ],
    [
      "a number of retries that is none",
      () => engine.path,
      () => engine.change("count = 2", "count = often"),
      /settings\.conf: retryCount: expected a whole number.*, found "often"/,
    ],
    [
      "settings in UTF-16",
      () => engine.path,
      () => writeFileSync(engine.file("conf/settings.conf"), Buffer.from("\ufeffplugin.db=x\n", "utf16le")),
      /settings\.conf is in utf-16le, which GASW cannot read/,
    ],
  ])("refuses %s, and writes nothing", async (_, from, change, message) => {
    engine.configure(GENERATIONS.example);
    change();
    const { stdout, stderr, code } = await init("new.yaml", from());
    expect({ stdout, code }).toEqual({ stdout: "", code: 3 });
    expect(stderr).toMatch(/^error: .*\nhint: .*\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("s3cret");
    expect(engine.has("../new.yaml")).toBe(false);
  });

  test("prints no secret, whatever it finds", async () => {
    engine.configure({ ...GENERATIONS.example, imagee: "s3cret" });
    engine.write("plugins/gasw-h2-plugin-3.1.0-jar-with-dependencies.jar", jarWith({}));
    const { stdout, stderr } = await init();
    expect(stdout + stderr).not.toContain("s3cret");
  });
});
