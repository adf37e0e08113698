import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cleanup } from "../../src/commands/cleanup.ts";
import { ClusterDouble } from "./clusterDouble.ts";
import { Host, type Outcome } from "./host.ts";
import { LeftBehind } from "./leftBehind.ts";

let folder: string;
let cluster: ClusterDouble;
let host: Host;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-k8s-target-")));
  chmodSync(folder, 0o755);
  cluster = await ClusterDouble.begin();
  host = new Host(cluster, folder);
});
afterEach(() => {
  process.seteuid?.(0);
  host.end();
  cluster.end();
  rmSync(folder, { recursive: true });
});

/** A workflow that the host's state knows, and that has a volume in the cluster. */
async function known(id = "workflow-1", namespace = "vip"): Promise<LeftBehind> {
  const directory = path.join(folder, "workflows", id);
  mkdirSync(path.join(directory, "sh"), { recursive: true });
  const { context } = await host.context();
  context.store.workflows.register({ namespace, id, directory });
  return new LeftBehind(cluster, { id, namespace, directory }, new Date("2026-01-01T00:00:00Z")).withVolume();
}

function cleaned(options: { workflow?: string; config?: string }, cwd = folder): Promise<Outcome> {
  return host.run((context) => cleanup(context, { output: "text", yes: true, timeout: 1, ...options }), { cwd });
}

const isThere = ({ paths }: LeftBehind) => cluster.objects.has(paths.claim);

describe("cleanup finds the workflow of", () => {
  const emptied = ({ directory }: LeftBehind) => rmSync(path.join(directory, "sh"), { recursive: true });
  const removed = ({ directory }: LeftBehind) => rmSync(directory, { recursive: true });
  test.each([
    ["an emptied directory", emptied],
    ["a directory that is gone", removed],
  ])("%s, by its name and from within", async (_, happens) => {
    for (const [id, call] of [
      ["named", (one: LeftBehind) => cleaned({ workflow: one.directory })],
      ["within", (one: LeftBehind) => cleaned({}, one.directory)],
      ["deeper", (one: LeftBehind) => cleaned({}, path.join(one.directory, "out"))],
    ] as const) {
      const one = await known(id);
      happens(one);
      expect(await call(one)).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("removed PersistentVolumeClaim ") });
      expect(isThere(one)).toBe(false);
    }
  });

  test("an emptied directory through a link", async () => {
    const one = await known();
    emptied(one);
    symlinkSync(one.directory, path.join(folder, "link"));
    expect((await cleaned({}, path.join(folder, "link"))).code).toBe(0);
    expect(isThere(one)).toBe(false);
  });

  test.each(["with spaces", 'it\'s "quoted"', "Übung-ß", "two\nlines", "-rf", "$(id)", "a'b;c"])(
    "a directory that is called %j",
    async (id) => {
      const one = await known(id);
      removed(one);
      const { code, stderr } = await cleaned({ workflow: one.directory });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(isThere(one)).toBe(false);
    },
  );

  test("no emptied directory that would configure the command itself, unless that is named", async () => {
    const one = await known();
    emptied(one);
    const file = path.join(one.directory, "gasw-k8s.config.json");
    writeFileSync(file, "{}");
    const refused = await cleaned({}, one.directory);
    expect(refused.code).toBe(`CONFIG: ${file} is in a workflow directory, where jobs can write`);
    expect(refused.hint).toContain(`--workflow ${one.directory}`);
    expect(isThere(one)).toBe(true);
    expect((await cleaned({ config: file }, one.directory)).code).toBe(0);
  });
});

describe("cleanup refuses", () => {
  test("a directory that nothing is known of, and names known ones that are called alike", async () => {
    const one = await known("workflow-gENTZc");
    await known("workflow-gENTZd", "other");
    await known("something-else");
    const misspelt = path.join(folder, "workflows", "workflow-gENTCz");
    const { code, hint, stderr, stdout } = await cleaned({ workflow: misspelt });
    expect(code).toBe(
      `NOT_FOUND: ${misspelt} is not a workflow directory, and neither the cluster (namespace vip) nor this host's state has anything of a workflow workflow-gENTCz`,
    );
    expect(hint).toBe(`did you mean ${one.directory} or ${path.join(folder, "workflows", "workflow-gENTZd")} (-n other)?`);
    expect({ stdout, stderr }).toEqual({ stdout: "", stderr: "" });
  });

  test("a workflow's name in another directory, and names its own", async () => {
    const one = await known();
    for (const place of [one.paths.claim, one.paths.volume]) cluster.objects.delete(place);
    const { code, hint } = await cleaned({ workflow: path.join(folder, "workflow-1") });
    expect(code).toMatch(/^NOT_FOUND: /);
    expect(hint).toBe(`did you mean ${one.directory}?`);
  });

  test("a directory that is none of a workflow's, where no name is alike", async () => {
    const { code, hint } = await cleaned({ workflow: folder });
    expect(code).toMatch(/^NOT_FOUND: \S+ is not a workflow directory/);
    expect(hint).toMatch(/^check --workflow and --namespace/);
  });

  test("to guess from a current directory that is no workflow's", async () => {
    await known();
    expect((await cleaned({})).code).toMatch(/^USAGE: no workflow given/);
  });

  test.runIf(process.getuid?.() === 0)("a directory that this user may not read", async () => {
    const directory = path.join(folder, "closed");
    mkdirSync(directory, { mode: 0o700 });
    mkdirSync(path.join(folder, "host-1"));
    chmodSync(path.join(folder, "host-1"), 0o777);
    process.seteuid?.(65534);
    const { code, hint } = await cleaned({ workflow: directory });
    expect(code).toBe(`USAGE: the workflow directory ${directory} cannot be read (permission denied)`);
    expect(hint).toBe("run the command as a user who can read it, or check --workflow");
  });

  test("nothing of a workflow directory that has nothing in the cluster", async () => {
    const directory = path.join(folder, "workflow-9");
    mkdirSync(path.join(directory, "sh"), { recursive: true });
    expect(await cleaned({ workflow: directory })).toMatchObject({ code: 0, stderr: "nothing to remove\n" });
  });
});

test.runIf(process.getuid?.() === 0)(
  "cleanup removes what the cluster has of a known directory that it may not read, and says what stays",
  async () => {
    const one = await known();
    mkdirSync(path.join(one.directory, ".gasw-k8s"));
    chmodSync(one.directory, 0o700);
    host.end();
    chmodSync(path.join(folder, "host-1"), 0o777);
    for (const file of ["state.db", "state.db-wal", "state.db-shm", "state.db.lock"])
      rmSync(path.join(folder, "host-1", file), { force: true });
    process.seteuid?.(65534);
    const { context } = await host.context();
    context.store.workflows.register({ namespace: "vip", id: "workflow-1", directory: one.directory });
    const { code, stderr } = await cleaned({ workflow: one.directory });
    expect(stderr).toContain("warning: ");
    expect(stderr).toContain(".gasw-k8s cannot be read (permission denied): what pods have left there stays");
    expect(code).toBe(0);
    expect(isThere(one)).toBe(false);
  },
);
