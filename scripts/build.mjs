import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

/**
 * The cluster client's configuration class imports the whole generated API and a fetch of its own for two methods that are never called here;
 * without them the start of every command is a fifth of a second shorter.
 */
const lean = {
  name: "lean-kubeconfig",
  setup(builder) {
    const inKubeConfig = ({ importer }) => /@kubernetes\/client-node\/dist\/config\.js$/.test(importer);
    builder.onResolve({ filter: /^(\.\/gen\/index\.js|node-fetch)$/ }, (args) =>
      inKubeConfig(args) ? { path: args.path, namespace: "unused" } : undefined,
    );
    builder.onLoad({ filter: /.*/, namespace: "unused" }, () => ({
      contents: "export const createConfiguration = undefined, ServerConfiguration = undefined, Headers = globalThis.Headers;",
    }));
  },
};

rmSync(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["src/main.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: ["better-sqlite3"],
  chunkNames: "chunks/[name]-[hash]",
  metafile: true,
  plugins: [lean],
  // CommonJS packages within the bundle ask for Node's own modules by require().
  banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
});
writeFileSync(path.join(dist, "THIRD_PARTY_LICENSES.txt"), licences(metafile));

/** The licence texts of every package in the bundle, as their terms ask. */
function licences({ inputs }) {
  const packages = new Set();
  for (const file of Object.keys(inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file);
    if (match) packages.add(match[1]);
  }
  return [...packages].sort().map(licence).join("\n");
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
  const file = readdirSync(path.join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? "" : readFileSync(path.join(root, folder, file), "utf8");
  return `${name} ${version} (${license})\n\n${text}\n${"-".repeat(80)}\n`;
}
