import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConfigError } from "../../../src/config/load/load.ts";
import { mergeLayers } from "../../../src/config/load/merge.ts";
import { environmentNames } from "../../../src/config/schema/keys.ts";
import { folderWith } from "../folders.ts";
import { failureOf, load, loadFile } from "./support.ts";

describe("the three generations of the plugin's keys", () => {
  const expected = { k8sAddress: "https://k:6443", k8sToken: "t", k8sNamespace: "vip", nfsAddress: "n", nfsPath: "/w" };

  test.each([
    ["oldest", { k8s_address: "https://k:6443", k8s_token: "t", k8s_namespace: "vip", nfs_address: "n", nfs_path: "/w/" }, expected],
    [
      "second",
      { ...expected, options: { ttlJob: "1", statusRetry: "2", statusRetryWait: "3", maxRetryToPush: "4", storageClassName: "x" } },
      { ...expected, options: { ttlJob: 1, statusRetry: 2, statusRetryWait: 3, maxRetryToPush: 4, storageClassName: "x" } },
    ],
    [
      "newest",
      {
        ...expected,
        workflowsLocation: "/var/www/w",
        options: {
          ttlJobInSeconds: 1,
          statusRetry: 2,
          statusRetryWaitInMillis: 3,
          maxRetryToPush: 4,
          timeToVolumeBeReadyInSeconds: 5,
          storageClassName: "",
        },
      },
      {
        ...expected,
        workflowsLocation: "/var/www/w",
        options: { ttlJob: 1, statusRetry: 2, statusRetryWait: 3, maxRetryToPush: 4, bindTimeout: 5 },
      },
    ],
  ])("are read: the %s", async (_, file, values) => {
    const { config, warnings } = await load({ cwd: folderWith({ "plugin.conf": file }), pluginFile: "plugin.conf" });
    expect(config).toMatchObject(values);
    expect(warnings).toEqual([]);
  });

  test("may be mixed in one file where they agree", async () => {
    expect(
      (await loadFile({ k8sNamespace: "vip", k8s_namespace: "vip", options: { ttlJob: "5", ttlJobInSeconds: 5 } })).config.options.ttlJob,
    ).toBe(5);
  });

  test("are an error where they disagree, with both lines", async () => {
    const error = await failureOf(loadFile('{\n  "nfsPath": "/a",\n  "nfs_path": "/b"\n}'));
    expect(error.message).toMatch(/\.gasw-k8src\.json:3: nfs_path and nfsPath \(line 2\) are the same key, but have different values/);
  });

  test("are named as they were written when wrong", async () => {
    const error = await failureOf(loadFile('{\n  "options": {\n    "ttlJobInSeconds": "x"\n  }\n}'));
    expect(error.message).toMatch(/json:3: options\.ttlJob: /);
  });
});

describe("precedence", () => {
  test("is default, plugin's file, newest plugin's file, own file, environment, option", async () => {
    const cwd = folderWith({
      "plugin.conf": {
        k8sNamespace: "plugin",
        image: "plugin",
        queue: "plugin",
        nfsAddress: "plugin",
        options: { statusRetry: 1, maxRetryToPush: 1 },
      },
      "conf/conf_kubernetes.json": { k8sNamespace: "newest", image: "newest", queue: "newest", options: { statusRetry: 2 } },
      "gasw-k8s.config.yaml": "k8sNamespace: own\nimage: own\n",
    });
    const loaded = await load({
      cwd,
      pluginFile: "plugin.conf",
      env: { GASW_K8S_NAMESPACE: "env", GASW_K8S_IMAGE: "env" },
      overrides: { k8sNamespace: "option", queue: undefined },
    });
    expect(loaded.config).toMatchObject({
      k8sNamespace: "option",
      image: "env",
      queue: "newest",
      nfsAddress: "plugin",
      options: { statusRetry: 2, maxRetryToPush: 1, ttlJob: 500 },
    });
    expect(loaded.files).toEqual([join(cwd, "plugin.conf"), join(cwd, "conf/conf_kubernetes.json"), join(cwd, "gasw-k8s.config.yaml")]);
    expect(Object.fromEntries(loaded.origins)).toMatchObject({
      k8sNamespace: { kind: "option", name: "k8sNamespace" },
      image: { kind: "environment", name: "GASW_K8S_IMAGE" },
      queue: { kind: "file", path: join(cwd, "conf/conf_kubernetes.json") },
      "options.maxRetryToPush": { kind: "file", path: join(cwd, "plugin.conf") },
      "options.ttlJob": { kind: "default" },
      workflowVolume: { kind: "default" },
    });
  });

  test("of any layers: the last that gives a key wins, and is its origin", () => {
    const layer = fc.record(
      {
        image: fc.constantFrom("a", "b"),
        queue: fc.constantFrom("c", "d"),
        env: fc.dictionary(fc.constantFrom("A", "B"), fc.string()),
        options: fc.record({ statusRetry: fc.nat(), ttlJob: fc.nat() }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    const flat = (values: object, prefix = ""): [string, unknown][] =>
      Object.entries(values).flatMap(([key, value]: [string, unknown]) =>
        typeof value === "object" && value !== null ? flat(value, `${prefix}${key}.`) : [[prefix + key, value] as [string, unknown]],
      );
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 5 }), (layers) => {
        const { values, origins } = mergeLayers(
          layers.map((given, index) => ({ values: given, origin: () => ({ kind: "option", name: String(index) }), base: "/" })),
        );
        const expected = new Map(layers.flatMap((given) => flat(given)));
        expect(new Map(flat(values))).toEqual(expected);
        for (const [key] of expected) {
          const last = layers.findLastIndex((given) => flat(given).some(([known]) => known === key));
          expect(origins.get(key)).toEqual({ kind: "option", name: String(last) });
        }
      }),
    );
  });

  test("replaces lists and the workflow volume whole, and lets null take a key back", async () => {
    const cwd = folderWith({
      "plugin.conf": {
        imagePullSecrets: ["a", "b"],
        workflowVolume: { type: "hostPath", path: "/w" },
        image: "x",
        labels: { a: "1", b: "2" },
      },
      ".gasw-k8src": { imagePullSecrets: ["c"], workflowVolume: { type: "hostPath" }, image: null, labels: { b: "3" } },
    });
    const { config } = await load({ cwd, pluginFile: "plugin.conf" });
    expect(config).toMatchObject({ imagePullSecrets: ["c"], labels: { a: "1", b: "3" } });
    expect(config.workflowVolume).toEqual({ type: "hostPath", capacity: "1Gi" });
    expect(config.image).toBeUndefined();
  });

  test("gives a named file the place of all others", async () => {
    const cwd = folderWith({
      "plugin.conf": { queue: "plugin" },
      ".gasw-k8src": { image: "own" },
      "named.json": { k8sNamespace: "named" },
    });
    const named = await load({ cwd, pluginFile: "plugin.conf", env: { GASW_K8S_CONFIG: "named.json" } });
    expect(named.config.k8sNamespace).toBe("named");
    expect([named.config.image, named.config.queue]).toEqual([undefined, undefined]);
    expect((await load({ cwd, file: ".gasw-k8src", env: { GASW_K8S_CONFIG: "named.json" } })).config.image).toBe("own");
  });

  test("cannot be used to reach into the prototype", async () => {
    const { config, warnings } = await loadFile('{"__proto__": {"image": "x"}, "env": {"__proto__": {"a": 1}}}');
    expect([config.image, Object.keys(config.env)]).toEqual([undefined, []]);
    expect(warnings.join()).toContain('unknown key "__proto__"');
  });
});

describe("a file of this tool", () => {
  test.each([
    ".gasw-k8src",
    ".gasw-k8src.json",
    ".gasw-k8src.yaml",
    ".gasw-k8src.yml",
    "gasw-k8s.config.json",
    "gasw-k8s.config.yaml",
    "gasw-k8s.config.yml",
    ".config/gasw-k8src",
    ".config/gasw-k8src.yaml",
  ])("is found as %s, from a folder below too", async (name) => {
    const folder = folderWith({ [name]: { k8sNamespace: "vip" }, "a/b/c": "" });
    expect((await load({ cwd: join(folder, "a/b") })).config.k8sNamespace).toBe("vip");
  });

  test("is not looked for in package.json or in programs, which are not run either", async () => {
    const cwd = folderWith({
      "package.json": { "gasw-k8s": { k8sNamespace: "package" }, cosmiconfig: { searchPlaces: ["other.json"] } },
      "gasw-k8s.config.js": "throw new Error('ran')",
      ".gasw-k8src.js": "throw new Error('ran')",
      ".config/config.js": "throw new Error('ran')",
    });
    expect((await load({ cwd })).files).toEqual([]);
    expect((await failureOf(load({ cwd, file: "gasw-k8s.config.js" }))).message).toContain("only JSON and YAML are supported");
  });

  test("includes no other file", async () => {
    const { config, warnings } = await load({
      cwd: folderWith({ ".gasw-k8src": { $import: "other.json" }, "other.json": { image: "x" } }),
    });
    expect(config.image).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('unknown key "$import"')]);
  });

  test("without an ending is JSON or YAML", async () => {
    expect((await load({ cwd: folderWith({ ".gasw-k8src": "k8sNamespace: vip # why\n" }) })).config.k8sNamespace).toBe("vip");
  });

  test("of comments alone says nothing", async () => {
    expect((await load({ cwd: folderWith({ "gasw-k8s.config.yaml": "# later\n" }) })).config.k8sNamespace).toBe("default");
  });

  test("gives relative paths from its own folder, the environment from the working one", async () => {
    const folder = folderWith({
      ".gasw-k8src.json": { k8sCaFile: "tls/ca.crt", k8sKubeConfig: "~/.kube/config", state: { path: "/s.db" } },
      "a/b": "",
    });
    const { config } = await load({ cwd: join(folder, "a"), env: { HOME: "/home/u", GASW_K8S_TOKEN_FILE: "token" } });
    expect(config).toMatchObject({
      k8sCaFile: join(folder, "tls/ca.crt"),
      k8sKubeConfig: "/home/u/.kube/config",
      k8sTokenFile: join(folder, "a/token"),
      state: { path: "/s.db" },
    });
  });
});

describe("a file in a workflow directory", () => {
  const planted = { k8sAddress: "https://evil.example.org" };

  test.each(["workflow/.gasw-k8src", "workflow/sub/.gasw-k8src", "workflow/.config/gasw-k8src.json"])(
    "is passed over with a warning: %s",
    async (name) => {
      const folder = folderWith({ [name]: planted, "workflow/sub/x": "", ".gasw-k8src": { k8sNamespace: "above" } });
      const { config, warnings } = await load({ cwd: join(folder, "workflow/sub"), workflowDir: join(folder, "workflow") });
      expect(config.k8sAddress).toBeUndefined();
      expect(config.k8sNamespace).toBe("above");
      expect(warnings).toEqual([expect.stringContaining(`ignored ${join(folder, name)}: jobs can write to workflow directories`)]);
    },
  );

  test("is passed over when the workflow is given by a link to it", async () => {
    const folder = folderWith({ "real/.gasw-k8src": planted });
    symlinkSync(join(folder, "real"), join(folder, "link"));
    expect((await load({ cwd: join(folder, "real"), workflowDir: join(folder, "link") })).files).toEqual([]);
  });

  test("is passed over when a link outside leads to it", async () => {
    const folder = folderWith({ "workflow/x.json": planted });
    symlinkSync(join(folder, "workflow/x.json"), join(folder, ".gasw-k8src.json"));
    expect((await load({ cwd: folder, workflowDir: join(folder, "workflow") })).files).toEqual([]);
  });

  test("is passed over when it is the newest plugin's", async () => {
    const folder = folderWith({ "conf/conf_kubernetes.json": planted });
    expect((await load({ cwd: folder, workflowDir: folder })).warnings).toHaveLength(1);
  });

  test("is passed over wherever GASW has run, though nobody says that it is a workflow", async () => {
    const folder = folderWith({ "sh/a.sh": "", "out/a": "", "err/a": "", "sub/.gasw-k8src": planted });
    expect((await load({ cwd: join(folder, "sub") })).files).toEqual([]);
  });

  test("counts when named", async () => {
    const folder = folderWith({ "named.json": planted });
    expect((await load({ cwd: folder, workflowDir: folder, file: "named.json" })).config.k8sAddress).toBe("https://evil.example.org");
  });

  test("is not confused with a neighbour whose name begins alike", async () => {
    const folder = folderWith({ "workflow-2/.gasw-k8src": { queue: "q" }, "workflow/x": "" });
    expect((await load({ cwd: join(folder, "workflow-2"), workflowDir: join(folder, "workflow") })).config.queue).toBe("q");
  });
});

describe("the environment", () => {
  test.each([
    ["GASW_K8S_NAMESPACE", "vip", { k8sNamespace: "vip" }],
    ["GASW_K8S_KUBE_CONFIG", "/k", { k8sKubeConfig: "/k" }],
    ["GASW_K8S_NFS_ADDRESS", "n", { nfsAddress: "n" }],
    ["GASW_K8S_INSECURE_SKIP_TLS_VERIFY", "true", { insecureSkipTlsVerify: true }],
    ["GASW_K8S_OPTIONS_TTL_JOB", "5m", { options: { ttlJob: 300 } }],
    ["GASW_K8S_STATE_PATH", "/s", { state: { path: "/s" } }],
    ["GASW_K8S_RESOURCES_MEMORY", "1Gi", { resources: { memory: "1Gi" } }],
    ["GASW_K8S_ENV", '{"A":"b"}', { env: { A: "b" } }],
    ["GASW_K8S_IMAGE_PULL_SECRETS", '["s"]', { imagePullSecrets: ["s"] }],
    ["GASW_K8S_WORKFLOW_VOLUME", '{"type":"hostPath"}', { workflowVolume: { type: "hostPath" } }],
    ["GASW_K8S_NAMESPACE", "", { k8sNamespace: "default" }],
  ])("sets %s=%s", async (name, value, expected) => {
    const { config, warnings } = await load({ cwd: folderWith(), env: { [name]: value } });
    expect(config).toMatchObject(expected);
    expect(warnings).toEqual([]);
  });

  test("refines an object given whole", async () => {
    const env = { GASW_K8S_OPTIONS_TTL_JOB: "7", GASW_K8S_OPTIONS: '{"ttlJob":1,"statusRetry":2}' };
    expect((await load({ cwd: folderWith(), env })).config.options).toMatchObject({ ttlJob: 7, statusRetry: 2 });
  });

  test.each([
    ["GASW_K8S_NAMESPCE", ' (did you mean "GASW_K8S_NAMESPACE"?)'],
    ["GASW_K8S_KUBECONFIG", ' (did you mean "GASW_K8S_KUBE_CONFIG"?)'],
    ["GASW_K8S_ZZZZZZZZZZZZZZZZZZZZ", ""],
  ])("is warned about where unknown: %s", async (name, suggestion) => {
    expect((await load({ cwd: folderWith(), env: { [name]: "x" } })).warnings).toEqual([
      `unknown environment variable ${name}${suggestion}`,
    ]);
  });

  test("of the tests, of the cluster scripts and of a Kubernetes service is nobody's mistake", async () => {
    const env = {
      GASW_K8S_TEST_X: "1",
      GASW_K8S_CLUSTER_DIR: "/c",
      GASW_K8S_SERVICE_HOST: "10.0.0.1",
      GASW_K8S_SERVICE_PORT_HTTP: "80",
      GASW_K8S_PORT: "tcp://10.0.0.1:80",
      GASW_K8S_PORT_80_TCP: "x",
    };
    expect((await load({ cwd: folderWith(), env })).warnings).toEqual([]);
  });

  test("is refused by the variable's name, without its text where that is secret", async () => {
    const wrong = await failureOf(load({ cwd: folderWith(), env: { GASW_K8S_OPTIONS_STATUS_RETRY: "x" } }));
    expect(wrong.message).toBe('GASW_K8S_OPTIONS_STATUS_RETRY: options.statusRetry: expected a whole number, found "x"');
    const notJson = await failureOf(load({ cwd: folderWith(), env: { GASW_K8S_ENV: "PASSWORD=hunter2" } }));
    expect(notJson.message).toBe("GASW_K8S_ENV: env: expected a JSON object, found something else");
  });

  test("has one name for each key", () => {
    const paths = [...environmentNames().values()].map(({ path }) => path.join("."));
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toContain("options.bindTimeout");
  });
});

describe("an option", () => {
  test("is refused by its name", async () => {
    expect((await failureOf(load({ cwd: folderWith(), overrides: { "resources.memory": "512" } }))).message).toContain(
      "option resources.memory: resources.memory: expected",
    );
  });

  test("may set one label of many", async () => {
    expect((await loadFile({ labels: { a: "1" } }, { overrides: { "labels.example.org/b": "2" } })).config.labels).toEqual({
      a: "1",
      "example.org/b": "2",
    });
  });
});

describe("a broken file", () => {
  test.each([
    ['{"a": 1,}', "1:9", "a key in double quotes"],
    ['{\n  "a": 1\n  "b": 2\n}', "3:3", '"," or "}"'],
    ["{\n  'a': 1\n}", "2:3", 'a key in double quotes or "}"'],
    ['{"a": tru}', "1:7", "a value"],
    ['{"a": [1, 2}', "1:12", '"," or "]"'],
    ['{"a": 1', "1:8", '"," or "}"'],
    ['{"a" 1}', "1:6", '":"'],
    ['{} {"k8sToken":"secret-value"}', "1:4", "the end of the file"],
    ['// no\n{"k8sToken": "secret-value"}', "1:1", "a value"],
  ])("that is not JSON says where: %j", async (text, position, expected) => {
    const error = await failureOf(load({ cwd: folderWith({ "p.conf": text }), pluginFile: "p.conf" }));
    expect(error.message).toMatch(new RegExp(`p\\.conf:${position}: not JSON: expected `));
    expect(error.message).toContain(expected);
    expect(`${error.message} ${String(error.cause)}`).not.toContain("secret-value");
    expect(error.exitCode).toBe(3);
  });

  test.each([
    ["an alias", "k8sToken: *s3cret\n", "1:11: not YAML: an alias without its anchor"],
    ["a tag", "k8sToken: !!s3cret x\nimage: [\n", "not YAML: "],
    ["an escape", 'k8sToken: "\\s3cret"\n', "1:12: not YAML: Invalid escape sequence"],
    ["the header of a block", "k8sToken: |s3cret\n  x\n", "1:12: not YAML: Unexpected text"],
    ["what follows a text", "k8sToken: 'x' s3cret\n", "not YAML: Unexpected text"],
  ])("that is not YAML is not quoted where a token would stand as %s", async (_, text, message) => {
    const error = await failureOf(load({ cwd: folderWith({ ".gasw-k8src.yaml": text }) }));
    expect(error.message).toContain(message);
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain("s3cret");
  });

  test("that is not YAML says where", async () => {
    expect((await failureOf(load({ cwd: folderWith({ ".gasw-k8src.yaml": "a: 1\nb: [1, 2\nc: 3\n" }) }))).message).toMatch(
      /\.gasw-k8src\.yaml:\d+:\d+: not YAML: /,
    );
  });

  test.each([
    ["missing", "nowhere.json", "does not exist"],
    ["a directory", "folder", "is a directory"],
    ["empty", "empty.json", "is empty"],
    ["a list", "list.json", "expected an object, found a list"],
    ["a text", "text.yaml", "expected an object, found a string"],
  ])("that is %s says so when named", async (_, file, message) => {
    const cwd = folderWith({ "empty.json": " \n", "list.json": "[]", "text.yaml": "hello", "folder/x": "" });
    const error = await failureOf(load({ cwd, file }));
    expect(error.message).toContain(join(cwd, file));
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ exitCode: 3 });
  });

  test("that may not be read is an error, named or found", async () => {
    // Nor is the next name taken in its place, or the file of a folder above.
    const above = folderWith({ "a/.gasw-k8src": {}, "a/.gasw-k8src.json": { image: "next" }, ".gasw-k8src": { image: "above" } });
    const cwd = join(above, "a");
    for (const folder of [above, cwd]) chmodSync(folder, 0o755);
    chmodSync(join(cwd, ".gasw-k8src"), 0);
    // Mode bits say nothing to root.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      expect((await failureOf(load({ cwd, file: ".gasw-k8src" }))).message).toContain("cannot be read by this user");
      expect((await failureOf(load({ cwd }))).message).toContain("cannot be read by this user");
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test("that is empty is an error where found, too", async () => {
    expect((await failureOf(load({ cwd: folderWith({ ".gasw-k8src": "" }) }))).message).toContain("is empty");
  });

  test("is no file when it is a folder", async () => {
    const cwd = folderWith();
    mkdirSync(join(cwd, ".gasw-k8src"));
    expect((await load({ cwd })).files).toEqual([]);
  });

  test("tells the first problem and counts the others", async () => {
    const error = (await failureOf(loadFile({ image: 1, queue: [], timeout: "x" }))) as ConfigError;
    expect(error.message).toContain("(and 2 more; `gasw-k8s config check` lists all)");
    expect(error.problems).toHaveLength(3);
  });
});

describe("an unknown key", () => {
  test.each([
    [
      "near a known one",
      '{\n  "k8sNamespace": "a",\n  "nfsAdress": "n"\n}',
      'unknown key "nfsAdress" in FILE:3 (did you mean "nfsAddress"?)',
    ],
    ["in other capitals", '{"K8SNAMESPACE": "a"}', 'unknown key "K8SNAMESPACE" in FILE:1 (did you mean "k8sNamespace"?)'],
    ["below another", '{\n  "options": {\n    "tlJob": 1\n  }\n}', 'unknown key "options.tlJob" in FILE:3 (did you mean "ttlJob"?)'],
    [
      "in a list",
      '{"volumes": [{"name":"a","nfsFolder":"a","mountPathContainer":"/a",\n"mountOption":[]}]}',
      'unknown key "volumes[0].mountOption" in FILE:2 (did you mean "mountOptions"?)',
    ],
    ["near none", '{"quiteDifferent": 1}', 'unknown key "quiteDifferent" in FILE:1'],
  ])("is warned about: %s", async (_, text, warning) => {
    const { warnings, files } = await loadFile(text);
    expect(warnings).toEqual([warning.replace("FILE", files[0] ?? "")]);
  });

  test("is none where any name may stand, nor is $schema", async () => {
    expect(
      (
        await loadFile({
          $schema: "x",
          env: { X: "1" },
          labels: { y: "1" },
          securityContext: { z: 1 },
          sidecars: [{ name: "a", image: "i", tty: true }],
        })
      ).warnings,
    ).toEqual([]);
  });
});
