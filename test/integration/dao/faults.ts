import { createServer, type Socket } from "node:net";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { RowWrite } from "../../../src/core/gaswRow/row.ts";
import { decided } from "../../../src/core/lifecycle/make.ts";
import { insert, open, ROW, type TestDatabase } from "./contract.ts";

/** A server that can be ended, and a database in it. */
export interface FaultyServer {
  readonly scheme: string;
  /** File with the certificate that the server's own is signed by. */
  readonly authority: string;
  makeDatabase(): Promise<TestDatabase>;
  /** Settings of a user who may read all of GASW's tables, and nothing else. */
  makeReader(database: TestDatabase): Promise<TestDatabase["settings"]>;
  /** Keeps a job's row locked until what is returned is called. */
  lock(database: TestDatabase, id: string): Promise<() => Promise<void>>;
  kill(): Promise<void>;
  start(): Promise<void>;
}

const refusal = (message: RegExp) => ({
  name: "GaswError",
  code: "DATABASE",
  exitCode: 8,
  message: expect.stringMatching(message),
  hint: expect.stringMatching(/\w/),
  cause: expect.any(Error),
});

/** A listener that takes connections and never answers. */
async function blackHole(): Promise<{ port: number; sockets: Set<Socket>; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, sockets, close: () => void server.close() };
}

/** What a server's database has to do when things go wrong. */
export function daoFaults(name: string, server: () => FaultyServer): void {
  describe(`the GASW database in ${name}: when things go wrong`, () => {
    const closers: (() => void)[] = [];
    afterAll(() => {
      for (const close of closers) close();
    });
    const update = (id = ROW.id): RowWrite => ({ kind: "update", id, ifStatus: "QUEUED", change: { status: decided("RUNNING") } });

    test("a wrong password is refused, and none is shown", async () => {
      const { settings } = await server().makeDatabase();
      const failure = await open({ ...settings, password: "wrong one" }).catch((error: unknown) => error);
      expect(failure).toMatchObject(refusal(/login failed/));
      expect(failure).toMatchObject({ hint: expect.stringContaining("dao.passwordFile"), message: expect.stringContaining("127.0.0.1:") });
      expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain("wrong one");
      const { password: _, ...withoutPassword } = settings;
      await expect(open(withoutPassword)).rejects.toMatchObject(refusal(/login failed/));
    });

    test("an unknown database and an unknown user are told", async () => {
      const { settings } = await server().makeDatabase();
      await expect(open({ ...settings, url: `${settings.url}x` })).rejects.toMatchObject(refusal(/the database does not exist/));
      await expect(open({ ...settings, user: "nobody" })).rejects.toMatchObject(refusal(/login failed/));
    });

    test("a user who may only read can read, and is told that a write is not permitted", async () => {
      const database = await server().makeDatabase();
      const dao = await open(database.settings);
      await dao.apply([insert()]);
      const reader = await open(await server().makeReader(database));
      expect(await reader.rows([ROW.id])).toEqual(new Map([[ROW.id, ROW]]));
      await expect(reader.apply([update()])).rejects.toMatchObject(refusal(/permission denied/));
      expect((await reader.rows([ROW.id])).get(ROW.id)).toEqual(ROW);
    });

    test("a server that never answers is waited for as long as the timeout", async () => {
      const hole = await blackHole();
      closers.push(hole.close);
      const settings = { url: `${server().scheme}://127.0.0.1:${hole.port}/gasw`, user: "gasw", password: "p" };
      const begin = performance.now();
      await expect(open(settings, { timeout: 300 })).rejects.toMatchObject(refusal(/no response within 0.3 s/));
      expect(performance.now() - begin).toBeLessThan(15_000);
      await expect.poll(() => hole.sockets.size).toBe(0);
    });

    test("a port that nobody listens on is told with its address", async () => {
      const hole = await blackHole();
      hole.close();
      const url = `${server().scheme}://gasw@127.0.0.1:${hole.port}/gasw?ssl=false`;
      const message = new RegExp(`^cannot use the GASW database ${server().scheme}://127.0.0.1:${hole.port}/gasw: connection refused`);
      await expect(open({ url })).rejects.toMatchObject(refusal(message));
    });

    test("a host that does not exist is told", async () => {
      await expect(open({ url: `${server().scheme}://no-such-host.invalid/gasw` })).rejects.toMatchObject(refusal(/does not resolve/));
    });

    test("a server's certificate is checked where TLS is asked for", async () => {
      const { settings } = await server().makeDatabase();
      const { authority } = server();
      const withTls = (parameters: string) => open({ ...settings, url: `${settings.url}?${parameters}` });
      await expect(withTls("sslmode=verify-full")).rejects.toMatchObject(refusal(/certificate is not trusted/));
      await expect(withTls("ssl=true")).rejects.toMatchObject(refusal(/certificate is not trusted/));
      vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
      await expect(withTls("ssl=true")).rejects.toMatchObject(refusal(/certificate is not trusted/));
      vi.unstubAllEnvs();
      for (const parameters of [`sslrootcert=${authority}`, "sslmode=no-verify"]) {
        const dao = await withTls(parameters);
        await dao.apply([insert()]);
        expect((await dao.rows([ROW.id])).get(ROW.id)).toEqual(ROW);
      }
      const other = settings.url.replace("127.0.0.1", "127.0.0.2");
      await expect(open({ ...settings, url: `${other}?sslrootcert=${authority}` })).rejects.toMatchObject(
        refusal(/certificate is not trusted/),
      );
    });

    test("a row that another program keeps locked is waited for as long as the timeout", async () => {
      const database = await server().makeDatabase();
      const dao = await open(database.settings);
      await dao.apply([insert(), insert({ id: "B" })]);
      const release = await server().lock(database, ROW.id);
      const waiting = await open(database.settings, { timeout: 5000 });
      await expect(waiting.apply([update("B"), update()])).rejects.toMatchObject(
        refusal(/another program holds a lock|no response within/),
      );
      await release();
      expect((await dao.rows(["B"])).get("B")?.status).toBe("QUEUED");
      expect((await dao.apply([update("B"), update()])).applied).toEqual([true, true]);
    });

    test("an interruption ends what is under way, with its own reason", async () => {
      const database = await server().makeDatabase();
      const dao = await open(database.settings);
      await dao.apply([insert()]);
      const release = await server().lock(database, ROW.id);
      const interrupt = new AbortController();
      const waiting = await open(database.settings, { signal: interrupt.signal });
      const reason = new Error("Ctrl-C");
      const write = waiting.apply([update()]);
      interrupt.abort(reason);
      await expect(write).rejects.toBe(reason);
      await expect(waiting.rows([ROW.id])).rejects.toBe(reason);
      await waiting.close();
      await release();
      await expect(open(database.settings, { signal: interrupt.signal })).rejects.toBe(reason);
      expect((await dao.rows([ROW.id])).get(ROW.id)?.status).toBe("QUEUED");
    });

    test("a server that is killed is told, and used again when it is back", async () => {
      const database = await server().makeDatabase();
      const dao = await open(database.settings);
      await dao.apply([insert()]);
      const release = await server().lock(database, ROW.id);
      const waiting = dao.apply([insert({ id: "B" }), update()]);
      const refused = expect(waiting).rejects.toMatchObject(refusal(/the connection was lost/));
      const idle = await open(database.settings);
      await server().kill();
      await refused;
      await release().catch(() => undefined);
      await expect(dao.rows([ROW.id])).rejects.toMatchObject(refusal(/127\.0\.0\.1/));
      await expect(idle.rows([ROW.id])).rejects.toMatchObject(refusal(/127\.0\.0\.1/));
      await expect(open(database.settings)).rejects.toMatchObject(refusal(/connection refused/));
      await dao.close();
      await server().start();
      const again = await open(database.settings);
      expect(await again.rows([ROW.id, "B"])).toEqual(new Map([[ROW.id, ROW]]));
      expect((await again.apply([update()])).applied).toEqual([true]);
    });
  });
}
