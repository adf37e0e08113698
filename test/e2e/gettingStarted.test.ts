import { execFile, execFileSync } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { objects } from "./cleanup.ts";
import { get, run, TestWorkflow } from "./harness.ts";
import { section, shellIn } from "./page.ts";

const execute = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/getting-started.md"), "utf8");
const contract = path.join(root, "docs/engine-contract.md");
const blocks = (title: string) => shellIn(section(page, title));
/** What the first job's lines leave a shell in. */
const IN_WORKFLOW = "export GASW_K8S_CONFIG=/etc/gasw-k8s/gasw-k8s.config.yaml; cd /var/www/html/workflows/workflow-gENTZc\n";
/** Stands for the engine's user, who has no name here. */
const ENGINE = 12345;

let workflow: TestWorkflow;
/** What is the reader's own, by what the page has in its place. */
let own: readonly (readonly [string | RegExp, string])[];
/** What a reader's shell has, root's and the engine's user's. */
let shell: { root: NodeJS.ProcessEnv; engine: NodeJS.ProcessEnv };
const at = (name: string) => path.join(workflow.folder, name);

beforeAll(() => {
  const { adminKubeconfig, kubectl, image, nfsServer } = inject("cluster");
  workflow = new TestWorkflow();
  const workflows = at("workflows");
  own = [
    ["/etc/gasw-k8s", at("etc")],
    ["www-data", String(ENGINE)],
    [/\bvip\b/, workflow.namespace],
    ["nfs.example.org", nfsServer],
    ["/exports/workflows", workflows],
    ["/var/www/html/workflows", workflows],
    ["debian:12", image],
  ];
  mkdirSync(at("home"));
  for (const folder of [workflows, at("home")]) chownSync(folder, ENGINE, ENGINE);
  const PATH = [at("prefix/bin"), path.dirname(kubectl), process.env.PATH].join(":");
  // A module that has been compiled before is taken from there, as scripts/lib.sh says. CI_FULL=1 compiles it.
  const prebuilds = execFileSync("bash", ["-c", '. scripts/lib.sh; printf %s "$PREBUILDS"'], { cwd: root, encoding: "utf8" });
  shell = {
    // With whatever npm needs to reach its registry from here.
    root: {
      ...process.env,
      PATH,
      KUBECONFIG: adminKubeconfig,
      KUBECACHEDIR: at("kubectl"),
      npm_config_prefix: at("prefix"),
      npm_config_pack_destination: workflow.folder,
      ...(process.env.CI_FULL === "1" ? {} : { npm_config_better_sqlite3_local_prebuilds: prebuilds }),
    },
    engine: { PATH, HOME: at("home") },
  };
});
afterAll(() => workflow.cleanup());

/** Runs lines of the page in one shell, as root. */
async function asRoot(script: string, cwd = workflow.folder): Promise<string> {
  const { stdout, stderr, code } = await run("bash", ["-eo", "pipefail", "-c", filledIn(script)], { cwd, env: shell.root });
  expect({ stderr, code }, script).toMatchObject({ code: 0 });
  return stdout;
}

/** Runs lines of the page in one shell, as the engine's user. */
async function asEngine(script: string): Promise<string> {
  const options = { cwd: at("home"), env: shell.engine, uid: ENGINE, gid: ENGINE };
  return (await execute("bash", ["-eo", "pipefail", "-c", filledIn(script)], options)).stdout;
}

const filledIn = (script: string) => own.reduce((text, [word, value]) => text.replaceAll(new RegExp(word, "g"), value), script);

const permissions = (name: string) => {
  const { uid, gid, mode } = statSync(at(name));
  return { uid, gid, mode: (mode & 0o777).toString(8) };
};

/** Runs the loop in bash of docs/engine-contract.md, with the first job among twenty, of which two fail. */
async function runLoop(): Promise<void> {
  const [, loop = ""] = /^```bash\n([\s\S]*?)^```$/m.exec(readFileSync(contract, "utf8")) ?? [];
  const directory = at("workflows/workflow-gENTZc");
  const jobs = ["Hello-1", ...Array.from({ length: 19 }, (_, index) => `Step-${index + 2}`)];
  const fails = ["Step-7", "Step-13"];
  for (const job of jobs.slice(1)) writeFileSync(path.join(directory, "sh", `${job}.sh`), fails.includes(job) ? "exit 3\n" : "true\n");
  writeFileSync(at("home/loop.sh"), loop);
  const told = await asEngine(`${IN_WORKFLOW}GASW_K8S_RETRY_COUNT=0 bash ~/loop.sh . 2> ~/loop.log`);
  const ends = told
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").slice(0, 2).join(" "));
  expect(ends.sort(), readFileSync(at("home/loop.log"), "utf8")).toEqual(
    jobs.map((job) => `${job} ${fails.includes(job) ? "DELETED" : "COMPLETED"}`).sort(),
  );
}

test.skipIf(process.getuid?.() !== 0)(
  "the pages lead from a tarball to a finished job, and to a finished loop of twenty, and leave nothing behind",
  async () => {
    const [install = ""] = blocks("1. Install");
    const [pack = "", ...installation] = install.trimEnd().split("\n");
    expect(shellIn(readFileSync(path.join(root, "README.md"), "utf8")).join("\n")).toContain(install);
    await asRoot(pack, root);
    await asRoot(installation.join("\n"));

    await asRoot(blocks("2. Permissions and access").join("\n"));
    await asRoot(blocks("3. Configuration").join("\n"));
    expect(permissions("etc")).toEqual({ uid: 0, gid: ENGINE, mode: "750" });
    expect(permissions("etc/token")).toEqual({ uid: ENGINE, gid: expect.any(Number), mode: "600" });
    expect(permissions("etc/gasw-k8s.config.yaml")).toEqual({ uid: 0, gid: ENGINE, mode: "640" });

    const first = blocks("4. The first job");
    const told = await asEngine(first.join("\n"));
    expect(told).toMatch(/^OK: .*\/etc\/gasw-k8s\.config\.yaml\nok {7}address /);
    expect(told).not.toMatch(/^(refused|missing)/m);
    expect(told).toMatch(/\nHello-1\nJOB .*\nHello-1 +COMPLETED .*\nhello from \S+\n$/);

    await runLoop();

    const removed = await asEngine(IN_WORKFLOW + blocks("5. Clean up").join("\n"));
    expect(removed).toMatch(/^remove +Job .* Hello-1$/m);
    expect(removed).toMatch(/^removed PersistentVolume /m);
    expect(await objects(workflow.namespace)).toEqual([]);
    expect((await get("pv")).items.filter((one: object) => JSON.stringify(one).includes(workflow.folder))).toEqual([]);
  },
);
