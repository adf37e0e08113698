import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../e2e/expectations.ts";
import { PROGRAM, type Result, run, TestWorkflow } from "../e2e/harness.ts";

let workflow: TestWorkflow;
beforeEach(() => {
  workflow = new TestWorkflow();
});
afterEach(() => workflow.cleanup());

const stateFolder = () => path.dirname(workflow.stateFile);
const submitted = async () => (await workflow.jobs()).length;

/** Runs a shell script in a mount namespace of its own; `$S` is the state's folder, `program` the program under test. */
function inNamespace(script: string): Promise<Result> {
  mkdirSync(stateFolder(), { recursive: true });
  const env = { ...workflow.env, S: stateFolder(), NODE: process.execPath, PROGRAM };
  return run("unshare", ["-m", "bash", "--norc", "-euc", `program() { "$NODE" "$PROGRAM" "$@"; }\n${script}`], {
    cwd: workflow.directory,
    env,
  });
}

/** Runs the program as another user, whom mode bits hold back. */
function as(uid: number, ...args: string[]): Promise<Result> {
  const user = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
  return run("setpriv", [...user, process.execPath, PROGRAM, ...args], { cwd: workflow.directory, env: workflow.env });
}

describe("a place where the state cannot be written ends with 3, before anything is made", () => {
  test("a full disk", async () => {
    workflow.script("Job-1", "true\n");
    const result = await inNamespace('mount -t tmpfs -o size=16k tmpfs "$S"; program submit sh/Job-1.sh');
    expect(errorOf(result)).toEqual({
      code: 3,
      message: `the state file ${workflow.stateFile} cannot be written: the disk is full`,
      hint: expect.stringContaining("free some space"),
    });
    expect(await submitted()).toBe(0);
  });

  test("a disk that fills up later: what was submitted stays, the next job is not half made, and room makes it work again", async () => {
    for (const job of ["Job-1", "Job-2"]) workflow.script(job, "true\n");
    const result = await inNamespace(`
      mount -t tmpfs -o size=1m tmpfs "$S"
      program submit sh/Job-1.sh
      head -c 2m /dev/zero > "$S/filling" 2>/dev/null || true
      code=0; program submit sh/Job-2.sh || code=$?; echo "exit $code"
      rm "$S/filling"
      program status --cached -q
      program submit sh/Job-2.sh`);
    expect(result).toEqual({
      stdout: "Job-1\nexit 3\nJob-1\nJob-2\n",
      stderr: expect.stringMatching(/^error: .* the disk is full\nhint: .*\n$/),
      code: 0,
    });
    expect(await submitted()).toBe(2);
  });

  test("a read-only place", async () => {
    workflow.script("Job-1", "true\n");
    const empty = await inNamespace('mount -t tmpfs -o ro tmpfs "$S"; program submit sh/Job-1.sh');
    expect(errorOf(empty)).toMatchObject({
      code: 3,
      message: expect.stringContaining(`${workflow.stateFile} cannot be written (`),
      hint: expect.stringContaining("state.path"),
    });
    const used = await inNamespace(
      'program submit sh/Job-1.sh > /dev/null; mount --bind "$S" "$S"; mount -o remount,bind,ro "$S"; program submit sh/Job-1.sh',
    );
    expect(errorOf(used)).toMatchObject({ code: 3, message: expect.stringContaining("cannot be written (") });
  });

  test("a HOME that may not be written", async () => {
    workflow.configure({ state: undefined });
    const script = workflow.script("Job-1", "true\n");
    expect(errorOf(await as(workflow.owner, "submit", script))).toEqual({
      code: 3,
      message: `the state file ${workflow.folder}/.local/state/gasw-k8s/state.db cannot be written (EACCES)`,
      hint: expect.stringContaining("state.path"),
    });
  });

  test("a state file of another user", async () => {
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ code: 0 });
    chmodSync(stateFolder(), 0o755);
    expect(errorOf(await as(workflow.owner, "status"))).toMatchObject({
      code: 3,
      message: expect.stringMatching(/state\.db cannot be written \(/),
    });
  });

  test.each([
    ["a directory", () => mkdirSync(workflow.stateFile, { recursive: true })],
    ["a file where its folder should be", () => writeFileSync(stateFolder(), "")],
  ])("%s", async (_, arrange) => {
    arrange();
    expect(errorOf(await workflow.cli("status"))).toMatchObject({ code: 3, message: expect.stringContaining(workflow.stateFile) });
  });
});

describe("a state file that is not ours is left as it is", () => {
  test.each([
    ["of a newer version", "PRAGMA user_version = 999", /has a newer version \(999; this program supports up to \d+\)$/],
    ["of another program", "CREATE TABLE Jobs (id TEXT)", /is not a gasw-k8s state file: it belongs to another program$/],
    ["of another program with a version", "PRAGMA user_version = 1; CREATE TABLE other (id TEXT)", / cannot be used /],
  ])("%s: exit 3", async (_, sql, message) => {
    mkdirSync(stateFolder());
    const database = new Database(workflow.stateFile);
    database.exec(sql);
    database.close();
    const before = readFileSync(workflow.stateFile);
    expect(errorOf(await workflow.cli("submit", workflow.script("Job-1", "true\n")))).toEqual({
      code: 3,
      message: expect.stringMatching(message),
      hint: expect.stringContaining("state.path"),
    });
    expect(readFileSync(workflow.stateFile).equals(before)).toBe(true);
    expect(await submitted()).toBe(0);
  });
});

const kept = () => readdirSync(stateFolder()).filter((name) => /^state\.db\.corrupt-[^-]+-\d\d-[^-]+$/.test(name));

describe("a corrupt state file", () => {
  test.each([
    ["text", () => writeFileSync(workflow.stateFile, "not a database\n".repeat(1000))],
    [
      "a damaged beginning",
      () => writeFileSync(workflow.stateFile, Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(8000, 0xa5)])),
    ],
  ])("(%s) is kept aside as it was, a new one is begun, and the command goes on", async (_, arrange) => {
    mkdirSync(stateFolder());
    arrange();
    const before = readFileSync(workflow.stateFile);
    const result = await workflow.cli("submit", workflow.script("Job-1", "true\n"));
    expect(result).toMatchObject({ stdout: "Job-1\n", code: 0 });
    const [name, ...others] = kept();
    expect(others).toEqual([]);
    expect(result.stderr).toBe(
      `warning: the state file ${workflow.stateFile} is corrupt: it was kept as ${path.join(stateFolder(), name ?? "")}, and a new one was created\n`,
    );
    expect(readFileSync(path.join(stateFolder(), name ?? "")).equals(before)).toBe(true);
    expect(await workflow.cli("status", "--cached", "-q")).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
  });

  test("met by ten processes at once is kept aside once, and all of them work", async () => {
    mkdirSync(stateFolder());
    writeFileSync(workflow.stateFile, "not a database\n".repeat(1000));
    const scripts = Array.from({ length: 10 }, (_, index) => workflow.script(`Job-${index}`, "true\n"));
    const results = await Promise.all(scripts.map((script) => workflow.process({}, "submit", script)));
    expect(results.map(({ code }) => code)).toEqual(scripts.map(() => 0));
    expect(kept()).toHaveLength(1);
    expect(results.filter(({ stderr }) => stderr.includes("is corrupt"))).toHaveLength(1);
    const status = await workflow.cli("status", "--cached", "-q");
    expect(status.stdout.trim().split("\n").sort()).toEqual(scripts.map((script) => path.basename(script, ".sh")));
  });

  test("whose damage shows only later ends with 3; the file is left alone, and the hint's command makes it work again", async () => {
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toMatchObject({ code: 0 });
    const database = new Database(workflow.stateFile);
    database.pragma("wal_checkpoint(TRUNCATE)");
    const pageSize = Number(database.pragma("page_size", { simple: true }));
    const page = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'jobs'").pluck().get() as number;
    database.close();
    const bytes = readFileSync(workflow.stateFile);
    bytes.fill(0xa5, (page - 1) * pageSize, page * pageSize);
    writeFileSync(workflow.stateFile, bytes);
    const error = errorOf(await workflow.cli("status", "--cached"));
    expect(error).toMatchObject({ code: 3, message: `the state file ${workflow.stateFile} is damaged` });
    expect(readFileSync(workflow.stateFile).equals(bytes)).toBe(true);
    const command = /\((mv [^)]*)\)/.exec(error.hint)?.[1] ?? "";
    expect(await run("bash", ["-c", command], { env: workflow.env })).toMatchObject({ code: 0 });
    expect(await workflow.cli("submit", path.join(workflow.directory, "sh/Job-1.sh"))).toMatchObject({ stdout: "Job-1\n", code: 0 });
    expect(await submitted()).toBe(1);
  });

  test("that is empty, as a full disk leaves it, is simply begun", async () => {
    mkdirSync(stateFolder());
    writeFileSync(workflow.stateFile, "");
    truncateSync(workflow.stateFile);
    expect(await workflow.cli("submit", workflow.script("Job-1", "true\n"))).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
  });
});

test("the state belongs to its user alone, whatever the umask", async () => {
  workflow.configure({ state: undefined });
  workflow.script("Job-1", "true\n");
  const env = { ...workflow.env, XDG_STATE_HOME: path.join(workflow.folder, "xdg") };
  const result = await run("bash", ["-c", 'umask 0; exec "$0" "$@"', process.execPath, PROGRAM, "submit", "sh/Job-1.sh"], {
    cwd: workflow.directory,
    env,
  });
  expect(result).toMatchObject({ code: 0 });
  const folder = path.join(workflow.folder, "xdg/gasw-k8s");
  expect(existsSync(path.join(folder, "state.db"))).toBe(true);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder)) expect([name, statSync(path.join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
});

test("values of the environment never enter the state", async () => {
  workflow.configure({ env: { PASSWORD: "s3cret-of-the-file" } });
  const script = workflow.script("Job-1", "true\n");
  expect(await workflow.cli("submit", script, "--env", "TOKEN=s3cret-of-the-option", "-v")).toEqual({
    stdout: "Job-1\n",
    stderr: "",
    code: 0,
  });
  for (const name of readdirSync(stateFolder())) expect(readFileSync(path.join(stateFolder(), name)).includes("s3cret")).toBe(false);
});
