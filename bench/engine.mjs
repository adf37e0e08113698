// An engine in Java that submits 1, 20 and 100 jobs through the plugin: how long a call takes, when the last job is told of, what the
// API server is asked, and how much memory the engine and its two children have.
// Usage: node bench/engine.mjs [ROUNDS]; needs the project's cluster (npm run cluster:up), a build (npm run build) and a JDK 17.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { countingProxy } from "./engine/proxy.mjs";

const root = path.resolve(import.meta.dirname, "..");
const rounds = Number(process.argv[2] ?? 3);
const SIZES = [1, 20, 100];
const H2 = "2.3.232";
/** Owner of the workflow directories, who is also the user that the jobs run as. */
const OWNER = 12345;

const kubeconfig = execFileSync("bash", [path.join(root, "cluster/kubeconfig.sh")], { encoding: "utf8" }).trim();
const kubectl = path.join(path.dirname(kubeconfig), "bin/kubectl");
const folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-engine-"));
chmodSync(folder, 0o755);
const namespace = path.basename(folder).toLowerCase();
const jar = path.join(root, `.cache/h2/h2-${H2}.jar`);
const classes = path.join(folder, "classes");

function javaFiles(directory) {
  return readdirSync(path.join(root, directory), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".java"))
    .map((file) => path.join(root, directory, file));
}

function prepare() {
  for (const script of ["h2.sh", "jdk.sh"]) execFileSync("bash", [path.join(root, "scripts", script)], { stdio: "ignore" });
  const sources = ["test/engine/gasw", "test/engine/harness", "bench/engine"].flatMap(javaFiles);
  execFileSync("javac", ["--release", "17", "-d", classes, ...sources]);
}

async function startDatabase() {
  const command = ["-cp", jar, "org.h2.tools.Server", "-tcp", "-tcpPort", "0", "-ifNotExists"];
  const server = spawn("setpriv", ["--pdeathsig", "KILL", "--", "java", ...command], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: server.stdout }), "line");
  return { server, port: /:(\d+)/.exec(line.slice(line.indexOf("tcp://") + 6))?.[1] };
}

let workflows = 0;
/** A workflow directory with its configuration. */
function makeWorkflow(port, cluster) {
  const directory = path.join(folder, "workflows", `workflow-${++workflows}`);
  for (const name of ["sh", "out", "err", "db"]) mkdirSync(path.join(directory, name), { recursive: true });
  execFileSync("chown", ["-R", `${OWNER}:${OWNER}`, directory]);
  const password = path.join(folder, "password");
  writeFileSync(password, "gasw\n", { mode: 0o600 });
  const url = `jdbc:h2:tcp://127.0.0.1:${port}/{workflowDir}/db/jobs`;
  const config = {
    ...cluster,
    k8sNamespace: namespace,
    nfsAddress: "127.0.0.1",
    nfsPath: path.join(folder, "workflows"),
    image: "localhost/gasw-k8s/bash:1",
    dao: { url, user: "gasw", passwordFile: password, driverJar: jar },
    state: { path: path.join(folder, "state.db") },
  };
  const file = path.join(folder, `config-${workflows}.json`);
  writeFileSync(file, JSON.stringify(config));
  return { directory, file, url: url.replace("{workflowDir}", directory) };
}

/** Resident memory of a process, in MB; what it shares with others is divided among them. */
function megabytes(pid) {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) / 1024;
}

async function run({ port }, count, cluster) {
  const { directory, file, url } = makeWorkflow(port, cluster);
  const schema = path.join(root, `test/fixtures/schema/h2-${H2}.sql`);
  const settings = [`gasw-k8s.command=${path.join(root, "bin/gasw-k8s.js")}`, `gasw-k8s.config=${file}`].join("\n");
  const plugin = path.join(root, "engine/gasw-plugin/gasw-k8s-plugin.jar");
  const args = ["-cp", `${classes}:${jar}`, "harness.Measure", plugin, url, schema, settings, String(count)];
  const env = { PATH: process.env.PATH, HOME: folder };
  const engine = spawn("setpriv", ["--pdeathsig", "KILL", "--", "java", ...args], {
    cwd: directory,
    env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(engine, "exit");
  const told = {};
  for await (const line of createInterface({ input: engine.stdout })) {
    const [word, ...numbers] = line.split(" ");
    told[word] = numbers.map(Number);
    if (word === "told") break;
  }
  if (told.told === undefined) throw new Error(`the engine ended with ${await ended}: see ${directory}/gasw-k8s.log`);
  const children = execFileSync("pgrep", ["-P", String(engine.pid)], { encoding: "utf8" })
    .trim()
    .split("\n");
  const memory = { engine: megabytes(engine.pid), children: children.map(megabytes) };
  engine.stdin.end("\n");
  const stopping = performance.now();
  await ended;
  const [first, ...later] = told.submitted;
  return { first, later, told: told.told[0], end: performance.now() - stopping, memory };
}

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const range = (values, unit, digits = 0) =>
  values.length === 0
    ? "-"
    : `${quantile(values, 0.5).toFixed(digits)} (${Math.min(...values).toFixed(digits)} .. ${Math.max(...values).toFixed(digits)}) ${unit}`;

prepare();
const database = await startDatabase();
const proxy = await countingProxy(kubeconfig);
try {
  await run(database, 1, { k8sKubeConfig: kubeconfig });
  for (const size of SIZES) {
    const runs = [];
    for (let round = 0; round < rounds; round++) runs.push(await run(database, size, { k8sKubeConfig: kubeconfig }));
    const later = runs.flatMap((one) => one.later);
    console.log(`${size} job(s)`);
    console.log(
      `  first submission   ${range(
        runs.map(({ first }) => first / 1000),
        "s",
        2,
      )}`,
    );
    console.log(
      `  later ones         ${range(later, "ms", 1)}, 90 % within ${later.length > 0 ? quantile(later, 0.9).toFixed(1) : "-"} ms`,
    );
    console.log(
      `  all told after     ${range(
        runs.map(({ told }) => told / 1000),
        "s",
        1,
      )}`,
    );
    console.log(
      `  end, with cleanup  ${range(
        runs.map(({ end }) => end / 1000),
        "s",
        1,
      )}`,
    );
    console.log(
      `  memory of Java     ${range(
        runs.map(({ memory }) => memory.engine),
        "MB",
      )}`,
    );
    console.log(
      `  of its 2 children  ${range(
        runs.map(({ memory }) => memory.children.reduce((one, other) => one + other, 0)),
        "MB",
      )}`,
    );
    proxy.counts.clear();
    await run(database, size, { k8sAddress: proxy.address, k8sToken: "none" });
    const total = [...proxy.counts.values()].reduce((one, other) => one + other, 0);
    const kinds = [...proxy.counts].toSorted(([, one], [, other]) => other - one).map(([kind, count]) => `${count} ${kind}`);
    console.log(`  requests per job   ${(total / size).toFixed(1)} (${kinds.join(", ")})`);
  }
} finally {
  database.server.kill();
  proxy.close();
  execFileSync(kubectl, ["--kubeconfig", kubeconfig, "delete", "namespace", namespace, "--ignore-not-found"], { stdio: "ignore" });
  rmSync(folder, { recursive: true, force: true });
}
