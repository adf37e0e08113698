// How often a TERM at a random moment lets GASW's EXIT trap empty the workflow directory: under this wrapper, and under a plain one.
// Usage: node bench/stops.mjs [RUNS]. Needs bash and Linux alone: scripts of our own, with GASW's order of steps and its removals.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const runs = Number(process.argv[2] ?? 500);
/** Milliseconds within which the signal comes. */
const WINDOW_MS = 60;
/** @type {NodeJS.Signals[]} */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];
const REMOVALS = ["rm -Rf -- *", "\\rm * -Rf", "rm -rf ./*", "find . -delete"];
const WRAPPERS = {
  "this wrapper": readFileSync(path.join(root, "src/core/manifests/wrapper.sh"), "utf8"),
  // What a Job does without one: the signal goes to the script itself.
  "none (bash SCRIPT)": 'exec >"$1" 2>"$2"; exec bash "$3"',
};

const script = (removal) => `trap '${removal}' EXIT\ndate >/dev/null\nmkdir Job-1 || exit 22\ncd Job-1 || exit 23\nsleep 1\n`;

/** @returns whether anything that is not the job's own is gone */
async function isWiped(wrapper, number) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "gasw-k8s-stops-"));
  try {
    for (const name of ["sh", "out", "err", "config", "inv", "db", ".gasw-k8s/run", ".gasw-k8s/end"])
      mkdirSync(path.join(folder, name), { recursive: true });
    const precious = ["db/jobs.mv.db", "inv/Job-1-invocation.json", "out/Job-0.sh.out", "workflow.json"];
    for (const name of precious) writeFileSync(path.join(folder, name), "");
    writeFileSync(path.join(folder, "sh/Job-1.sh"), script(REMOVALS[number % REMOVALS.length]));
    const args = ["./out/Job-1.sh.out", "./err/Job-1.sh.err", "./sh/Job-1.sh", "job-1", "/tmp", "workflow-1"];
    const child = spawn("bash", ["-c", wrapper, "gasw-k8s", ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, GASW_K8S_POD_UID: "uid-1" },
      stdio: "ignore",
    });
    const end = new Promise((resolve) => child.on("close", resolve));
    setTimeout(() => child.kill(SIGNALS[Math.floor(Math.random() * SIGNALS.length)]), Math.random() * WINDOW_MS);
    await end;
    return !precious.every((name) => existsSync(path.join(folder, name)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const [name, wrapper] of Object.entries(WRAPPERS)) {
  let wiped = 0;
  for (let number = 0; number < runs; number++) if (await isWiped(wrapper, number)) wiped++;
  process.stdout.write(`${name}: ${wiped} of ${runs} workflow directories wiped\n`);
}
