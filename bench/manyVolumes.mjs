// Time and memory of `cleanup --orphaned` over thousands of workflows that engines have left: the program is real, the API server only answers
// lists, in pages. Usage: node bench/manyVolumes.mjs [WORKFLOWS]; needs a build.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = path.resolve(import.meta.dirname, "..");
const count = Number(process.argv[2] ?? 5000);
const NAMESPACES = 20;
const DAY_MS = 86_400_000;
const folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-many-"));

/** Objects by their paths, as the tests make them of workflows whose engines are gone. */
async function makeObjects() {
  const file = path.join(folder, "leftBehind.mjs");
  await build({
    input: path.join(root, "test/integration/leftBehind.ts"),
    platform: "node",
    logLevel: "silent",
    output: { file, format: "esm" },
    plugins: [
      { name: "shell-scripts", load: (id) => (id.endsWith(".sh") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))};` : null) },
    ],
  });
  const { LeftBehind } = await import(pathToFileURL(file).href);
  /** @type {Map<string, any>} */
  const objects = new Map();
  let version = 0;
  const put = (place, object) => {
    const name = place.slice(place.lastIndexOf("/") + 1);
    const metadata = { uid: `uid-${++version}`, name, resourceVersion: `${version}`, ...object.metadata };
    objects.set(place, { ...object, metadata });
  };
  for (let index = 0; index < count; index++) {
    const id = `workflow-${index}`;
    const workflow = { id, namespace: `vip-${index % NAMESPACES}`, directory: `/var/www/html/workflows/${id}` };
    new LeftBehind({ put }, workflow, new Date(Date.now() - 7 * DAY_MS)).withVolume().withEngine();
  }
  return objects;
}

/** Answers lists of all namespaces, page by page, and looks at single objects. */
function serve(objects, seen) {
  const collections = new Map();
  for (const [place, object] of objects) {
    const collection = place.slice(0, place.lastIndexOf("/")).replace(/\/namespaces\/[^/]+(?=\/)/, "");
    collections.set(collection, [...(collections.get(collection) ?? []), object]);
  }
  return http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://cluster");
    seen.requests++;
    if (objects.has(pathname)) return response.end(JSON.stringify(objects.get(pathname)));
    const from = Number(searchParams.get("continue") ?? 0);
    const to = from + Number(searchParams.get("limit") ?? Number.POSITIVE_INFINITY);
    const all = collections.get(pathname) ?? [];
    const items = all.slice(from, to);
    seen.page = Math.max(seen.page, items.length);
    const more = to < all.length ? { continue: `${to}` } : {};
    response.end(JSON.stringify({ metadata: { resourceVersion: "1", ...more }, items }));
  });
}

/** Runs the program, and looks at the most memory that it has had. */
async function measure(server) {
  const config = path.join(folder, "gasw-k8s.json");
  const access = { k8sAddress: `http://127.0.0.1:${server.address().port}`, k8sToken: "none", insecureSkipTlsVerify: true };
  writeFileSync(config, JSON.stringify({ ...access, image: "none", state: { path: path.join(folder, "state.db") } }));
  const env = { PATH: process.env.PATH, HOME: folder, GASW_K8S_CONFIG: config };
  const begin = performance.now();
  const child = spawn(process.execPath, [path.join(root, "bin/gasw-k8s.js"), "cleanup", "--orphaned", "-o", "json"], {
    env,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  let memory = 0;
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const look = setInterval(() => {
    try {
      memory = Math.max(memory, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 10);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`cleanup --orphaned ended with ${code}: ${stderr}`);
  const removable = JSON.parse(stdout).workflows.filter((one) => one.removable).length;
  return { seconds: (performance.now() - begin) / 1000, megabytes: memory / 1024, removable };
}

try {
  const objects = await makeObjects();
  const seen = { requests: 0, page: 0 };
  const server = serve(objects, seen);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { seconds, megabytes, removable } = await measure(server);
  server.close();
  process.stdout.write(
    `${count} workflows, ${objects.size} objects: ${removable} removable, ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB, ${seen.requests} requests, at most ${seen.page} objects each\n`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
