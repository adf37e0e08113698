// The main job: a workflow directory as an engine makes it, six jobs, their statuses, why some failed, and the clean-up.
// Called by `npm run demo`, with KUBECONFIG and the GASW_K8S_TEST_* variables of CONTRIBUTING.md naming the cluster.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";

const { KUBECONFIG = "", GASW_K8S_TEST_CONTEXT, GASW_K8S_TEST_WORKFLOWS, GASW_K8S_TEST_NFS_SERVER, GASW_K8S_TEST_IMAGE } = process.env;

const root = path.resolve(import.meta.dirname, "..");
const program = path.join(root, "bin/gasw-k8s.js");
/**
 * With `--record DIR` the transcripts of the documentation are written, of more commands than the demo shows, in the folders of an ordinary
 * installation (which must not exist); record on a host called `engine`: unshare --uts sh -c 'hostname engine; node scripts/demo.mjs --record DIR'
 */
const recordTo = process.argv[2] === "--record" ? path.resolve(process.argv[3]) : undefined;
const folder = recordTo === undefined ? mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-demo-")) : "/etc/gasw-k8s";
const workflows = recordTo === undefined ? workflowsFolder() : "/var/www/html/workflows";
const workflow = path.join(workflows, "workflow-gENTZc");
const namespace = recordTo === undefined ? `gasw-demo-${path.basename(folder).slice(-6).toLowerCase()}` : "vip";
/** Who the workflow belongs to, and so who its jobs run as. */
const OWNER = 1000;

const GREP = "Basic_Grep.2-360261301594475";
const COUNT = "Word_Count.1-360261301594476";
const SORT = "Sort_Lines.1-360261301594477";
const JSON_STATS = "Json_Stats.3-360261301594478";
const FAILING = "Validate_Input.1-360261301594479";
const MISSING = "Segmentation.4-360261301594480";
const FLAKY = "Register_Images.2-360261301594481";

/** A folder of its own that is both here and, over NFS, on the nodes. */
function workflowsFolder() {
  if (GASW_K8S_TEST_WORKFLOWS === undefined) return path.join(folder, "workflows");
  mkdirSync(GASW_K8S_TEST_WORKFLOWS, { recursive: true });
  return mkdtempSync(path.join(GASW_K8S_TEST_WORKFLOWS, "demo-"));
}

/** A job script in GASW's layout: sections for inputs, application and results, the times they took, and the exit code. */
function gaswScript(application, result) {
  return `#!/bin/bash
begin=$(date +%s)
echo "===== uname ====="; uname -snm
echo "<inputs_download>"
echo "<file_download uri=file:$PWD/input.txt>"
cp input.txt "/tmp/input.txt"; code=$?
echo "</inputs_download>"
echo "Input download time: $(( $(date +%s) - begin )) seconds"
begin=$(date +%s)
echo "<application_execution>"
( ${application} ); code=$?
echo "</application_execution>"
echo "Execution time: $(( $(date +%s) - begin )) seconds"
if [ "$code" -eq 0 ]; then
  echo "<results_upload>"
  echo "<file_upload id=result uri=file:$PWD/${result}>"
  echo "</results_upload>"
  echo "Results upload time: 0 seconds"
fi
echo "Exiting with return value $code"
exit $code
`;
}

const scripts = {
  [GREP]: gaswScript("sleep 2; grep -n volume /tmp/input.txt | tee grep.txt", "grep.txt"),
  [COUNT]: gaswScript("sleep 3; wc -w < /tmp/input.txt | tee count.txt", "count.txt"),
  [SORT]: gaswScript("sort /tmp/input.txt > sorted.txt; head -n 2 sorted.txt", "sorted.txt"),
  [JSON_STATS]: gaswScript("jq -Rn '[inputs | length] | {lines: length, longest: max}' < /tmp/input.txt | tee stats.json", "stats.json"),
  [FAILING]: gaswScript("echo 'no header in input.txt' >&2; exit 3", "none"),
  [MISSING]: gaswScript("echo never", "none"),
};

/** A script that fails until somebody puts the missing file in place. */
const flaky = gaswScript("test -e atlas.nii || { echo 'no atlas.nii' >&2; exit 3; }; echo registered", "atlas.nii");

const TEXT = `a job waits for its volume
a claim waits for a node
the volume of the workflow is bound
nobody waits for ever
`;

function makeWorkflow() {
  for (const name of ["sh", "out", "err", "config", "inv"]) mkdirSync(path.join(workflow, name), { recursive: true });
  writeFileSync(path.join(workflow, "input.txt"), TEXT);
  for (const [job, script] of Object.entries(scripts)) {
    writeFileSync(path.join(workflow, "sh", `${job}.sh`), script);
    writeFileSync(path.join(workflow, "config", `${job}-configuration.sh`), "export GASW_JOB_ENV=NORMAL\n");
    writeFileSync(path.join(workflow, "inv", `${job}-invocation.json`), "{}\n");
  }
  if (process.getuid?.() === 0)
    for (const entry of [".", ...readdirSync(workflow, { recursive: true, encoding: "utf8" })])
      chownSync(path.join(workflow, entry), OWNER, OWNER);
}

const config = {
  k8sKubeConfig: path.join(folder, "kubeconfig"),
  ...(GASW_K8S_TEST_CONTEXT === undefined ? {} : { k8sContext: GASW_K8S_TEST_CONTEXT }),
  k8sNamespace: namespace,
  nfsAddress: GASW_K8S_TEST_NFS_SERVER ?? "127.0.0.1",
  nfsPath: workflows,
  image: GASW_K8S_TEST_IMAGE ?? "localhost/gasw-k8s/bash:1",
  imagePullPolicy: "IfNotPresent",
  // Minutes by default; a demo has no such patience with its missing image.
  pending: { ErrImagePull: "5s", ImagePullBackOff: "5s" },
  // Five by default: the second failure is held here.
  retryCount: 1,
  dao: { url: `sqlite:${path.join(folder, "gasw.db")}` },
  state: { path: path.join(folder, "state.db") },
};

/** Nothing that the person's own environment says of a cluster or a database counts. */
const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GASW_K8S_"));
const env = { ...Object.fromEntries(own), GASW_K8S_CONFIG: path.join(folder, "gasw-k8s.json") };

/** Shows a command as a person would type it, and runs it. */
function show(command, args, expected = 0) {
  const typed = `$ ${[path.basename(command), ...args.map(quoted)].join(" ")}`;
  const isOurs = command === "gasw-k8s";
  /** @type {[string, string[]]} */
  const call = isOurs ? [process.execPath, [program, ...args]] : [command, args];
  if (recordTo !== undefined) {
    record(isOurs ? args : [command], typed, ...call);
    return;
  }
  console.log(`\n${typed}`);
  const { status } = spawnSync(...call, { cwd: workflow, env, stdio: "inherit" });
  if (status !== expected) throw new Error(`${command} ${args[0]} ended with exit code ${status}, not ${expected}`);
}

function quoted(argument) {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

const RECORDED = ["debug", "config", "submit", "status", "monitor", "wait", "cancel", "retry", "release", "cleanup"];

/** Appends a command and what it printed to the transcript of its kind. */
function record(words, typed, command, args) {
  const file = path.join(folder, "output");
  const output = openSync(file, "w");
  const { status } = spawnSync(command, args, { cwd: workflow, env, stdio: ["ignore", output, output] });
  closeSync(output);
  if (recordTo === undefined || !RECORDED.includes(words[0])) return;
  const kind = ["debug", "config"].includes(words[0]) ? `${words[0]}-${words[1]}` : words[0];
  const text = `${typed}\n${readFileSync(file, "utf8")}${status === 0 ? "" : `$ echo $?\n${status}\n`}`;
  appendFileSync(path.join(recordTo, `${kind}.txt`), `${text}\n`);
}

const gasw = (...args) => show("gasw-k8s", args);

const also = (...args) => {
  if (recordTo !== undefined) gasw(...args);
};

/** A job that fails is submitted again, held, released and completed, while a monitor keeps the GASW database up to date. */
async function retried() {
  writeFileSync(path.join(workflow, "sh", `${FLAKY}.sh`), flaky);
  gasw("submit", `sh/${FLAKY}.sh`);
  console.log("\n$ gasw-k8s monitor &");
  const monitor = spawn(process.execPath, [program, "monitor"], { cwd: workflow, env, stdio: ["ignore", "ignore", "pipe"] });
  monitor.stderr.pipe(process.stderr);
  const ended = once(monitor, "exit");
  try {
    // A job that has failed is over for whoever waits before somebody is there to retry it: the monitor's first words tell that it is.
    await Promise.race([once(monitor.stderr, "data"), ended]);
    show("gasw-k8s", ["wait", FLAKY], 3);
    gasw("status", FLAKY, "--history", "--sync");
    gasw("debug", "why", FLAKY);
    show("touch", ["atlas.nii"]);
    gasw("release", FLAKY);
    gasw("wait", FLAKY);
  } catch (error) {
    monitor.kill("SIGTERM");
    await ended;
    throw error;
  }
  // All jobs have ended, and so does it.
  const [code] = await ended;
  if (code !== 0) throw new Error(`monitor ended with exit code ${code}`);
  gasw("status", FLAKY, "--history", "--sync");
  also("monitor");
  also("monitor", "-o", "ndjson", "--since", "4");
  also("retry", FLAKY);
  also("cancel", FLAKY);
  gasw("cleanup", "--yes");
}

/** Nothing of the demo stays in the cluster, however it ends. */
async function removeNamespace() {
  const cluster = new KubeConfig();
  cluster.loadFromFile(config.k8sKubeConfig);
  if (GASW_K8S_TEST_CONTEXT !== undefined) cluster.setCurrentContext(GASW_K8S_TEST_CONTEXT);
  try {
    await cluster.makeApiClient(CoreV1Api).deleteNamespace({ name: namespace });
  } catch (error) {
    if (error.code !== 404) throw error;
  }
}

async function mainJob() {
  console.log(`workflow directory: ${workflow}\nconfiguration:      ${path.join(folder, "gasw-k8s.json")}`);
  show("ls", ["sh"]);
  gasw("submit", `sh/${GREP}.sh`, `sh/${COUNT}.sh`, `sh/${SORT}.sh`, `sh/${FAILING}.sh`);
  gasw("submit", `sh/${JSON_STATS}.sh`, "--image", "localhost/gasw-k8s/tools:1", "--memory", "64Mi");
  gasw("submit", `sh/${MISSING}.sh`, "--image", "localhost/gasw-k8s/segmentation:missing");
  also("debug", "exec", COUNT, "--", "id");
  also("debug", "pods");
  also("debug", "why", COUNT);
  gasw("status", "--watch");
  also("submit", `sh/${GREP}.sh`);
  also("submit", `sh/${GREP}.sh`, "--memory", "1Gi");
  also("submit", "sh/Basic_Grep.sh");
  also("status", "--status", "ERROR");
  also("status", GREP, "-o", "json");
  also("wait", GREP, FAILING);
  show("cat", [`out/${GREP}.sh.out`]);
  show("cat", [`err/${FAILING}.sh.err`]);
  gasw("debug", "why", FAILING);
  gasw("debug", "why", MISSING);
  for (const kind of ["jobs", "nodes", "pv", "pvc"]) also("debug", kind);
  also("debug", "describe", GREP);
  also("debug", "events", GREP);
  also("debug", "logs", FAILING);
  also("config", "show");
  also("config", "check");
  also("cleanup", "--orphaned", "-n", namespace);
  gasw("cleanup");
  gasw("cleanup", "--yes");
  await retried();
  gasw("debug", "pv");
}

const begin = Date.now();
if (recordTo !== undefined) mkdirSync(folder);
copyFileSync(KUBECONFIG, config.k8sKubeConfig);
makeWorkflow();
writeFileSync(env.GASW_K8S_CONFIG, JSON.stringify(config, null, 2));
try {
  await mainJob();
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}. What it left is taken away:`);
  spawnSync(process.execPath, [program, "cleanup", "--cancel", "--yes"], { cwd: workflow, env, stdio: "inherit" });
  process.exitCode = 1;
} finally {
  await removeNamespace();
  for (const made of [folder, workflows]) rmSync(made, { recursive: true, force: true });
}
console.log(`\nThe demo took ${((Date.now() - begin) / 1000).toFixed(0)} s. The cluster stays up: npm run cluster:down stops it.`);
