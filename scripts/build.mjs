import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "rolldown";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");
/** Put in place at the end, so that the program works while it is built anew. */
const fresh = path.join(root, "dist.new");

/** What the cluster client's configuration class needs for rare credentials and proxies only, as classes and as functions. */
const RARE = {
  "socks-proxy-agent": { classes: ["SocksProxyAgent"] },
  hpagent: { classes: ["HttpProxyAgent", "HttpsProxyAgent"] },
  "jsonpath-plus": { functions: ["JSONPath"] },
  "openid-client": { functions: ["discovery", "refreshTokenGrant"] },
};
/** What it imports for methods that are never called here. */
const UNUSED = { "./gen/index.js": ["createConfiguration", "ServerConfiguration"], "node-fetch": ["Headers"] };

/** The tricks that have found what they are for; one that does not any more is to be mended, or dropped (docs/build.md). */
const found = new Set();

/** Without this every command would begin by evaluating the whole generated API, a fetch of its own, proxies and OpenID Connect. */
const leanKubeConfig = {
  name: "lean-kubeconfig",
  resolveId(source, importer) {
    const isClient = /@kubernetes\/client-node\/dist\/[a-z]+(_auth)?\.js$/.test(importer ?? "");
    if (!isClient || !(source in RARE || source in UNUSED)) return undefined;
    found.add(source);
    return `\0lean:${source}`;
  },
  load(id) {
    if (!id.startsWith("\0lean:")) return undefined;
    const name = id.slice("\0lean:".length);
    const load = `createRequire(import.meta.url)("./rare.cjs")[${JSON.stringify(name)}]`;
    const { classes = [], functions = [] } = RARE[name] ?? {};
    return [
      'import { createRequire } from "node:module";',
      ...(UNUSED[name] ?? []).map((type) => `export const ${type} = undefined;`),
      ...classes.map((type) => `export function ${type}(...args) { return new (${load}.${type})(...args); }`),
      ...functions.map((call) => `export function ${call}(...args) { return ${load}.${call}(...args); }`),
    ].join("\n");
  },
};

/** Cosmiconfig gives the names of configuration files alone: its loaders, which can run code, and what they import stay out. */
const textOnlyCosmiconfig = {
  name: "text-only-cosmiconfig",
  load(id) {
    if (!/cosmiconfig\/dist\/loaders\.js$/.test(id)) return undefined;
    found.add("cosmiconfig");
    return "exports.loadJs = exports.loadJsSync = exports.loadTs = exports.loadTsSync = exports.loadJson = exports.loadYaml = undefined;";
  },
};

/** All that `submit` loads goes into one file: an engine starts it once per job, and every further file costs it time. */
function chunkOf(id, context) {
  hotModules ??= staticImports(
    ["src/main.ts", "src/commands/submit.ts"].map((file) => path.join(root, file)),
    context,
  );
  return hotModules.has(id) ? "hot" : null;
}
let hotModules;

function staticImports(ids, context, found = new Set()) {
  for (const id of ids) {
    if (found.has(id)) continue;
    found.add(id);
    staticImports(context.getModuleInfo(id)?.importedIds ?? [], context, found);
  }
  return found;
}

rmSync(fresh, { recursive: true, force: true });
const inputs = new Set();
const collectInputs = { name: "collect-inputs", moduleParsed: ({ id }) => void inputs.add(id) };
await build({
  cwd: root,
  input: "src/main.ts",
  platform: "node",
  external: [/\.node$/],
  moduleTypes: { ".sh": "text" },
  plugins: [leanKubeConfig, textOnlyCosmiconfig, collectInputs],
  output: {
    dir: fresh,
    // CommonJS: V8 keeps compiled code of scripts only, not of modules.
    format: "cjs",
    dynamicImportInCjs: false,
    entryFileNames: "[name].cjs",
    chunkFileNames: ({ name }) => (name === "hot" ? "hot.cjs" : "[name]-[hash].cjs"),
    codeSplitting: { groups: [{ name: chunkOf, debugName: "hot" }] },
  },
});
for (const name of [...Object.keys(RARE), ...Object.keys(UNUSED), "cosmiconfig"])
  if (!found.has(name)) throw new Error(`nothing imports ${name} as it did: see docs/build.md`);
const rareModules = Object.keys(RARE).map((name) => `get "${name}"() { return require("${name}"); }`);
await build({
  cwd: root,
  input: "rare",
  platform: "node",
  plugins: [
    {
      name: "rare",
      resolveId: (source) => (source === "rare" ? path.join(root, "rare.cjs") : undefined),
      load: (id) => (id === path.join(root, "rare.cjs") ? `module.exports = { ${rareModules.join(", ")} };` : undefined),
    },
    collectInputs,
  ],
  output: { file: path.join(fresh, "rare.cjs"), format: "cjs" },
});
// What it would be started by: the program is started from the chunk itself.
rmSync(path.join(fresh, "main.cjs"));
copyFileSync(path.join(root, "src/start.cjs"), path.join(fresh, "start.cjs"));
writeFileSync(path.join(fresh, "THIRD_PARTY_LICENSES.txt"), licences([...inputs]));
// Two renames: a program that runs meanwhile finds its files at any moment but one.
const old = path.join(root, "dist.old");
rmSync(old, { recursive: true, force: true });
if (existsSync(dist)) renameSync(dist, old);
renameSync(fresh, dist);
rmSync(old, { recursive: true, force: true });
keepCompiledCode();

/** Writes down the compiled code of all that a submission runs through, up to a cluster that does not answer. */
function keepCompiledCode() {
  const folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-build-"));
  const script = path.join(folder, "workflow/sh/Job-1.sh");
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(folder, "workflow", name), { recursive: true });
  writeFileSync(script, "true\n");
  const config = path.join(folder, "gasw-k8s.json");
  const cluster = { k8sAddress: "https://127.0.0.1:1", k8sToken: "none", nfsAddress: "127.0.0.1", nfsPath: "/", image: "none" };
  const options = { maxRetryToPush: 0, statusRetry: 0 };
  const securityContext = { runAsUser: process.getuid?.(), runAsGroup: process.getgid?.() };
  writeFileSync(config, JSON.stringify({ ...cluster, options, securityContext, state: { path: path.join(folder, "state.db") } }));
  const program = `
    const { cacheFile, compile, evaluate } = require(${JSON.stringify(path.join(dist, "start.cjs"))});
    const script = compile();
    process.on("exit", () => {
      require("node:fs").writeFileSync(cacheFile + ".new", script.createCachedData());
      require("node:fs").renameSync(cacheFile + ".new", cacheFile);
    });
    process.argv.splice(1, 0, "gasw-k8s");
    void evaluate(script).main();`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", program, "submit", "--config", config, script], { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  if (status !== 4) throw new Error(`the program does not start: exit ${status}\n${stderr}`);
}

/** The licence texts of every package in the bundle, as their terms ask. */
function licences(files) {
  const folders = files.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter((folder) => folder !== undefined);
  return [...new Set(folders)].sort().map(licence).join("\n");
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? "" : readFileSync(path.join(folder, file), "utf8");
  return `${name} ${version} (${license})\n\n${text}\n${"-".repeat(80)}\n`;
}
