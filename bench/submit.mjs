// Time of one `submit` process (volumes bound) beside a bare Node.js script that makes the same POST and `kubectl create -f`.
// Usage: node bench/submit.mjs [ROUNDS]; needs the project's cluster (npm run cluster:up) and a build (npm run build).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const rounds = Number(process.argv[2] ?? 40);
const kubeconfig = execFileSync("bash", [path.join(root, "cluster/kubeconfig.sh")], { encoding: "utf8" }).trim();
const kubectl = path.join(path.dirname(kubeconfig), "bin/kubectl");
const folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-bench-"));
const namespace = path.basename(folder).toLowerCase();
const workflow = path.join(folder, "workflows", "workflow-bench");
for (const name of ["sh", "out", "err"]) mkdirSync(path.join(workflow, name), { recursive: true });
execFileSync("chown", ["-R", "12345:12345", workflow]);

const config = path.join(folder, "gasw-k8s.json");
writeFileSync(
  config,
  JSON.stringify({
    k8sKubeConfig: kubeconfig,
    k8sNamespace: namespace,
    nfsAddress: "127.0.0.1",
    nfsPath: path.join(folder, "workflows"),
    image: "localhost/gasw-k8s/bash:1",
    // No node matches: what is measured is the submission, not the job.
    nodeSelector: { bench: "nowhere" },
    state: { path: path.join(folder, "state.db") },
  }),
);
const env = { PATH: process.env.PATH, HOME: folder, GASW_K8S_CONFIG: config };
const program = path.join(root, "bin/gasw-k8s.js");

function script(name) {
  const file = path.join(workflow, "sh", `${name}.sh`);
  writeFileSync(file, `echo ${name}\n`);
  return file;
}

/** The very Job that `submit` makes, under another name. */
function manifest(name) {
  const [job] = JSON.parse(
    execFileSync(process.execPath, [program, "submit", script(name), "--dry-run"], { env, cwd: workflow, encoding: "utf8" }),
  ).items.filter((item) => item.kind === "Job");
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(job));
  return file;
}

function time(command, args) {
  const begin = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, { env, cwd: workflow, encoding: "utf8" });
  const milliseconds = Number(process.hrtime.bigint() - begin) / 1e6;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${status}\n${stderr}`);
  return milliseconds;
}

const bare = path.join(root, "bench/bareSubmit.mjs");
const contenders = {
  "node -e 0": () => time(process.execPath, ["-e", "0"]),
  "bare Node.js POST": (name) => time(process.execPath, [bare, kubeconfig, manifests.get(`bare-${name}`)]),
  "gasw-k8s submit": (name) => time(process.execPath, [program, "submit", scripts.get(name)]),
  "kubectl create -f": (name) => time(kubectl, ["--kubeconfig", kubeconfig, "create", "-f", manifests.get(`kubectl-${name}`)]),
};
const names = Array.from({ length: rounds }, (_, index) => `round-${index}`);
const scripts = new Map(names.map((name) => [name, script(name)]));
const manifests = new Map(names.flatMap((name) => [`bare-${name}`, `kubectl-${name}`]).map((name) => [name, manifest(name)]));
/** @type {Map<string, number[]>} */
const times = new Map(Object.keys(contenders).map((name) => [name, []]));
try {
  // Makes namespace and volumes, and warms the disk's cache.
  time(process.execPath, [program, "submit", script("first")]);
  for (const name of names) for (const [contender, action] of Object.entries(contenders)) times.get(contender)?.push(action(name));
  report();
} finally {
  spawnSync(kubectl, ["--kubeconfig", kubeconfig, "delete", "namespace", namespace, "--wait=false"]);
  spawnSync(kubectl, ["--kubeconfig", kubeconfig, "delete", "pv", "-l", "gasw-k8s.io/workflow=workflow-bench", "--wait=false"]);
  rmSync(folder, { recursive: true, force: true });
}

function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function report() {
  const base = quantile(times.get("bare Node.js POST") ?? [], 0.5);
  console.log(`Node.js ${process.version}, ${os.cpus().length} cores, ${rounds} rounds, alternating; load ${os.loadavg()[0].toFixed(1)}`);
  console.log("| one process | median | 10 % .. 90 % | x bare POST |");
  console.log("| --- | --- | --- | --- |");
  for (const [name, values] of times) {
    const [low, median, high] = [0.1, 0.5, 0.9].map((share) => quantile(values, share));
    console.log(`| ${name} | ${median.toFixed(0)} ms | ${low.toFixed(0)} .. ${high.toFixed(0)} ms | ${(median / base).toFixed(2)} |`);
  }
}
