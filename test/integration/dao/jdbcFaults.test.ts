import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { build } from "rolldown";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { DaoSettings } from "../../../src/dao/dao.ts";
import { openDao } from "../../../src/dao/open.ts";
import { GaswError } from "../../../src/errors.ts";
import { H2Server, jarOf } from "../../servers/h2.ts";
import { freePort } from "../../servers/process.ts";
import { bridgesOf, isAlive, read } from "./javaProcesses.ts";

const root = path.resolve(import.meta.dirname, "../../..");
let scratch: string;
let server: H2Server;
let old: H2Server;
beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), "gasw-k8s-jdbc-"));
  [server, old] = await Promise.all([H2Server.start("2.3.232"), H2Server.start("1.4.196")]);
});
afterAll(async () => {
  await Promise.all([server.stop(), old.stop()]);
  rmSync(scratch, { recursive: true, force: true });
});
afterEach(() => {
  vi.unstubAllEnvs();
  expect(bridgesOf()).toEqual([]);
});

let databases = 0;
const database = () => server.url(`${databases++}/db/jobs`);
const settings = (changes: Partial<DaoSettings> = {}): DaoSettings => ({
  simulationId: "workflow-1",
  url: database(),
  user: "gasw",
  password: "quite secret",
  driverJar: server.jar,
  timeZone: "UTC",
  timeout: 30_000,
  env: process.env,
  signal: new AbortController().signal,
  ...changes,
});

async function failureOf(action: Promise<unknown>): Promise<GaswError> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof GaswError) return error;
  throw error ?? new Error("nothing was thrown");
}

describe("Java", () => {
  test("is asked for where there is none", async () => {
    vi.stubEnv("JAVA_HOME", "");
    vi.stubEnv("PATH", scratch);
    const error = await failureOf(openDao(settings()));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toBe("a jdbc: address in dao.url requires Java, but java does not exist");
    expect(error.hint).toContain("install Java 17 or later");
  });

  test("is taken from JAVA_HOME alone where that is set", async () => {
    vi.stubEnv("JAVA_HOME", scratch);
    const error = await failureOf(openDao(settings()));
    expect(error.message).toContain(`${scratch}/bin/java does not exist`);
  });

  test("is told to be too old where it cannot read the bridge's class", async () => {
    const { JAVA_HOME } = fakeJava("of-tomorrow", (bin) => {
      const classes = path.join(bin, "classes");
      cpSync(path.join(root, "bridge/classes"), classes, { recursive: true });
      // The class as a compiler of a later version would mark it.
      const file = path.join(classes, "JdbcBridge.class");
      const content = readFileSync(file);
      content.writeUInt16BE(999, 6);
      writeFileSync(file, content);
      return `from='${path.join(root, "bridge/classes")}' to='${classes}'; exec java "\${@/"$from"/$to}"`;
    });
    vi.stubEnv("JAVA_HOME", JAVA_HOME);
    const error = await failureOf(openDao(settings()));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toMatch(/bin\/java is older than 17$/);
  });

  test("that cannot start says why", async () => {
    vi.stubEnv("JAVA_TOOL_OPTIONS", "-XX:NoSuchOption");
    const error = await failureOf(openDao(settings()));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toMatch(/did not start: the Java process ended \(exit 1\): .*NoSuchOption/);
  });

  test("sees neither the password nor this program's environment", async () => {
    vi.stubEnv("GASW_K8S_TOKEN", "a secret token");
    const dao = await openDao(settings());
    const [pid = 0] = bridgesOf();
    expect(read(pid, "cmdline")).toContain("JdbcBridge");
    expect(read(pid, "cmdline")).not.toContain("secret");
    expect(read(pid, "environ")).toContain("LC_ALL=C.UTF-8");
    expect(read(pid, "environ")).not.toContain("secret");
    await dao.close();
  });
});

describe("the driver's jar", () => {
  test.each([
    ["is not set", undefined, /requires dao\.driverJar$/],
    ["is not there", "/nowhere/h2.jar", /^dao\.driverJar: \/nowhere\/h2\.jar cannot be read \(ENOENT\)/],
    ["is no jar", path.join(root, "package.json"), /package\.json is not a JDBC driver for jdbc:h2:$/],
    ["is another database's", jarOf("postgresql", "42.7.8"), /postgresql-42\.7\.8\.jar is not a JDBC driver for jdbc:h2:$/],
  ])("that %s is refused", async (_, driverJar, message) => {
    const error = await failureOf(openDao(settings({ driverJar })));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toMatch(message);
    expect(error.hint).toContain("set dao.driverJar to the JDBC driver that matches the server's version");
  });
});

describe("an address", () => {
  const refused = async (changes: Partial<DaoSettings>) => {
    const error = await failureOf(openDao(settings(changes)));
    expect(error.code).toBe("DATABASE");
    expect(error.message + error.hint).not.toContain("quite secret");
    return error;
  };

  test("with MVCC=TRUE is refused by H2 2, in words", async () => {
    const error = await refused({ url: `${database()};MVCC=TRUE` });
    expect(error.message).toContain("this version of H2 does not support a setting in the address");
    expect(error.hint).toContain("H2 2 rejects MVCC=TRUE");
  });

  test("with MVCC=TRUE is taken by H2 1.4", async () => {
    const dao = await openDao(settings({ url: `${old.url("mvcc/db/jobs")};MVCC=TRUE`, driverJar: old.jar }));
    expect(await dao.rows(["Job-1"])).toEqual(new Map());
    await dao.close();
  });

  test("of an H2 1.4 server needs its own driver", async () => {
    const error = await refused({ url: old.url("w/db/jobs") });
    expect(error.message).toContain("the driver's version does not match the server's");
    expect(error.hint).toContain("the driver that matches the server's version");
  });

  test("of an H2 1.4 file needs its own driver", async () => {
    const file = `jdbc:h2:${scratch}/old/jobs`;
    await (await openDao(settings({ url: file, driverJar: old.jar }))).close();
    const error = await refused({ url: file });
    expect(error.message).toContain("the driver's version does not match the file's");
  });

  test("where nothing listens is told", async () => {
    const error = await refused({ url: `jdbc:h2:tcp://127.0.0.1:${await freePort()}/w/db/jobs` });
    expect(error.message).toMatch(/^cannot use the GASW database .*: the connection was lost \(.*Connection refused/);
    expect(error.hint).toContain("check dao.url, the server");
  });

  test("of an unknown host is told", async () => {
    const error = await refused({ url: "jdbc:h2:tcp://no-such-host.invalid/w/db/jobs" });
    expect(error.message).toContain("no-such-host.invalid");
  });

  test("with the wrong password is refused", async () => {
    const url = database();
    await (await openDao(settings({ url }))).close();
    const error = await refused({ url, password: "wrong" });
    expect(error.message).toContain("login failed");
    expect(error.hint).toContain("check dao.user");
  });

  test("of a file that a server has open is refused, and the server's is recommended", async () => {
    const name = `${databases++}/db/jobs`;
    const dao = await openDao(settings({ url: server.url(name) }));
    const error = await refused({ url: `jdbc:h2:${server.file(name)}` });
    expect(error.message).toContain("another program has its file open");
    expect(error.hint).toContain("jdbc:h2:tcp://");
    await dao.close();
  });
});

describe("a server", () => {
  test("that takes the connection and stays silent is given up in time", async () => {
    server.pause();
    const error = await failureOf(openDao(settings({ timeout: 1000 }))).finally(() => server.resume());
    expect(error.code).toBe("DATABASE");
    expect(error.message).toContain("no response within 1 s");
  });

  test("that falls silent is given up in time, and the connection with it", async () => {
    const dao = await openDao(settings({ timeout: 10_000 }));
    server.pause();
    const error = await failureOf(dao.rows(["Job-1"])).finally(() => server.resume());
    expect(error.message).toContain("no response within 10 s");
    expect((await failureOf(dao.rows(["Job-1"]))).code).toBe("DATABASE");
    await dao.close();
  });

  test("that is killed is told, and a new opening finds it once it is back", async () => {
    const url = database();
    const dao = await openDao(settings({ url }));
    await server.kill();
    const error = await failureOf(dao.rows(["Job-1"]));
    expect(error.code).toBe("DATABASE");
    expect(error.message).toContain("the connection was lost");
    await dao.close();
    server = await H2Server.start("2.3.232", { folder: server.folder, port: server.port });
    const again = await openDao(settings({ url }));
    expect(await again.rows(["Job-1"])).toEqual(new Map());
    await again.close();
  });
});

describe("the Java process", () => {
  test("that is killed is told as a lost connection", async () => {
    const dao = await openDao(settings());
    const answer = failureOf(dao.rows(["Job-1"]));
    for (const pid of bridgesOf()) process.kill(pid, "SIGKILL");
    const error = await answer;
    expect(error.code).toBe("DATABASE");
    expect(error.message).toContain("the connection was lost (the Java process ended (SIGKILL))");
    await dao.close();
  });

  test("ends with the signal, and what was under way throws its reason", async () => {
    const controller = new AbortController();
    const dao = await openDao(settings({ signal: controller.signal }));
    const [pid = 0] = bridgesOf();
    server.pause();
    const answer = dao.rows(["Job-1"]).finally(() => server.resume());
    await nextTurn();
    const reason = new GaswError("INTERRUPTED", "Ctrl-C", { hint: "none" });
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await expect.poll(() => isAlive(pid)).toBe(false);
    await dao.close();
  });

  describe("of a process that is killed ends", () => {
    let program: string;
    beforeAll(async () => {
      program = path.join(scratch, "dist/jdbcOrphan.mjs");
      cpSync(path.join(root, "bridge/classes"), path.join(scratch, "bridge/classes"), { recursive: true });
      await build({ input: path.join(import.meta.dirname, "jdbcOrphan.ts"), platform: "node", output: { file: program, format: "esm" } });
    });

    const killed = async (...sql: string[]) => {
      const child = spawn(process.execPath, [program, database(), server.jar, ...sql], { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      const [pid = 0] = bridgesOf(child.pid);
      expect(isAlive(pid)).toBe(true);
      child.kill("SIGKILL");
      await expect.poll(() => isAlive(pid)).toBe(false);
    };

    test("while it waits for a request", () => killed());

    test("while a statement runs", () => killed("select sum(x) from system_range(1, 1000000000000) where mod(x, 3) = 1"));
  });
});

/** A `JAVA_HOME` whose java is a script. */
function fakeJava(name: string, script: (bin: string) => string): { JAVA_HOME: string } {
  const home = path.join(scratch, name);
  const bin = path.join(home, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, "java"), `#!/bin/bash\n${script(bin)}\n`);
  chmodSync(path.join(bin, "java"), 0o755);
  return { JAVA_HOME: home };
}
