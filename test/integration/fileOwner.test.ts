import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Dao } from "../../src/dao/dao.ts";
import { openDao } from "../../src/dao/open.ts";
import { Store } from "../../src/store/store.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** The engine's user. */
const [UID, GID] = [12345, 12346];
const WORKFLOW = { namespace: "vip", id: "workflow-1", directory: "/workflows/workflow-1" };

let program: string;
let folder: string;
let scratch: string;
const opened: (Store | Dao)[] = [];
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-owner-"));
  chmodSync(folder, 0o755);
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  program = path.join(folder, "ownerProcess.mjs");
  const input = path.join(import.meta.dirname, "ownerProcess.ts");
  await build({ input, platform: "node", external: ["better-sqlite3"], output: { file: program, format: "esm", codeSplitting: false } });
});
beforeEach(() => {
  scratch = mkdtempSync(path.join(folder, "t-"));
  chownSync(scratch, UID, GID);
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const stateFile = () => path.join(scratch, "state", "state.db");
const databaseFile = () => path.join(scratch, "db", "gasw.db");

/** What the engine's user can do with both. */
function engine(): string {
  const user = ["--reuid", String(UID), "--regid", String(GID), "--clear-groups"];
  return execFileSync("setpriv", [...user, process.execPath, program, stateFile(), databaseFile()], { encoding: "utf8" });
}

/** A command of root's, which is still under way. */
function asRoot(): Store {
  const store = new Store({ path: stateFile(), now: () => new Date(), warn: () => undefined });
  opened.push(store);
  return store;
}

async function databaseAsRoot(): Promise<Dao> {
  const limits = { timeout: 2000, env: {}, signal: new AbortController().signal };
  const dao = await openDao({ ...limits, simulationId: "workflow-1", url: `sqlite:${databaseFile()}`, timeZone: "UTC" });
  opened.push(dao);
  return dao;
}

/** Holds the workflow, and lets go of it again. */
function hold(store: Store): void {
  store.holds.take(store.workflows.register(WORKFLOW), { words: "root", isMonitor: true })?.release();
}

/** Owner, group and mode of all that is in a file's folder. */
const owners = (file: string) =>
  readdirSync(path.dirname(file)).map((name) => {
    const { uid, gid, mode } = statSync(path.join(path.dirname(file), name));
    return `${name} ${uid}:${gid} ${(mode & 0o777).toString(8)}`;
  });

const STATE = ["state.db", "state.db-shm", "state.db-wal", "state.db.lock", "state.db.monitor-1", "state.db.sync-1"];
const DATABASE = ["gasw.db", "gasw.db-shm", "gasw.db-wal"];
const like = (names: readonly string[], mode: string) => names.map((name) => `${name} ${UID}:${GID} ${mode}`);

describe("what a command that is run as root makes", () => {
  test("beside a state file and a GASW database is their owner's, who works on", async () => {
    expect(engine()).toBe("fine\n");
    for (const name of STATE.slice(3)) rmSync(`${path.dirname(stateFile())}/${name}`);
    hold(asRoot());
    await databaseAsRoot();
    expect(owners(stateFile())).toEqual(
      like(
        STATE.filter((name) => !name.endsWith(".lock")),
        "600",
      ),
    );
    expect(owners(databaseFile())).toEqual(like(DATABASE, "600"));
    expect(engine()).toBe("fine\n");
  });

  test("where there is no state and no database yet is the owner's of their place", async () => {
    hold(asRoot());
    await databaseAsRoot();
    expect(owners(stateFile())).toEqual(like(STATE, "600"));
    expect(owners(databaseFile())).toEqual(like(DATABASE, "600"));
    expect(statSync(path.dirname(stateFile()))).toMatchObject({ uid: UID, gid: GID });
    expect(engine()).toBe("fine\n");
  });

  test("in place of a corrupt state file is its owner's", () => {
    mkdirSync(path.dirname(stateFile()));
    writeFileSync(stateFile(), "garbage".repeat(1000));
    chownSync(path.dirname(stateFile()), UID, GID);
    chownSync(stateFile(), UID, GID);
    asRoot();
    for (const line of owners(stateFile())) expect(line).toContain(` ${UID}:${GID} `);
    expect(engine()).toBe("fine\n");
  });

  test("beside a state file that a group shares is the group's too", () => {
    expect(engine()).toBe("fine\n");
    chmodSync(stateFile(), 0o660);
    for (const name of STATE.slice(3)) rmSync(`${path.dirname(stateFile())}/${name}`);
    hold(asRoot());
    expect(owners(stateFile())).toEqual(
      like(
        STATE.filter((name) => !name.endsWith(".lock")),
        "660",
      ),
    );
  });

  test("beside a GASW database without a write-ahead log is its owner's while a transaction is under way", () => {
    expect(engine()).toBe("fine\n");
    const database = new Database(databaseFile());
    database.pragma("journal_mode = DELETE");
    database.exec("BEGIN IMMEDIATE; UPDATE Jobs SET status = 'KILL'; CREATE TABLE other (a)");
    expect(owners(databaseFile())).toEqual(like(["gasw.db", "gasw.db-journal"], "600"));
    database.close();
  });

  test("for a state file whose owner may not enter its folder is made all the same", () => {
    expect(engine()).toBe("fine\n");
    rmSync(`${stateFile()}.sync-1`);
    chownSync(path.dirname(stateFile()), 0, 0);
    hold(asRoot());
    expect(owners(stateFile())).toContain("state.db.sync-1 0:0 600");
  });

  test("leaves the process root afterwards, also where it fails", () => {
    mkdirSync(stateFile(), { recursive: true });
    chownSync(path.dirname(stateFile()), UID, GID);
    chownSync(stateFile(), UID, GID);
    expect(() => asRoot()).toThrow("cannot be written");
    expect([process.geteuid?.(), process.getegid?.()]).toEqual([0, 0]);
  });
});

describe("a file that shuts the engine's user out is named, with what gives it back", () => {
  beforeEach(() => expect(engine()).toBe("fine\n"));

  const files: [string, () => string][] = [
    ...["state.db.sync-1", "state.db.monitor-1"].map((name): [string, () => string] => [name, stateFile]),
    ["state.db-wal", stateFile],
    ["state.db-shm", stateFile],
    ["gasw.db-wal", databaseFile],
    ["gasw.db-shm", databaseFile],
  ];
  test.each(files)("%s", (name, of) => {
    // As a version left it that made all of its files as root.
    const file = path.join(path.dirname(of()), name);
    const database = new Database(of());
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    chownSync(file, 0, 0);
    chmodSync(file, 0o600);
    const [message, hint = ""] = engine().split("\n");
    expect(message).toBe(
      of === stateFile
        ? `the state file ${of()} cannot be used: ${file} is user 0's (mode 600)`
        : `cannot use the GASW database ${of()}: ${file} is user 0's (mode 600)`,
    );
    execFileSync("sh", ["-c", /: (chown .*)$/.exec(hint)?.[1] ?? "false"]);
    expect(engine()).toBe("fine\n");
    database.close();
  });

  test("not where the state file itself is another user's", () => {
    chownSync(stateFile(), 0, 0);
    expect(engine()).toMatch(/^the state file \S+ cannot be written \(/);
  });
});
