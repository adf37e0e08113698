import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { accountOf, freePort, makeCertificate, runAs, ServerProcess, serverFolder } from "./process.ts";

const PASSWORD = "quite secret";
const DISTRIBUTION = "/usr/lib/postgresql";

/** A PostgreSQL server of its own. */
export interface PostgresServer {
  readonly port: number;
  /** File with the certificate that signs the server's own. */
  readonly authority: string;
  readonly user: string;
  readonly password: string;
  url(database: string): string;
  /** A superuser's connection, which the caller ends. */
  connect(database?: string): Promise<pg.Client>;
  /** Makes an empty database and tells its name. */
  makeDatabase(options?: string): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The folder of the distribution's newest binaries, else what the PATH has. */
function binary(name: string): string {
  const versions = existsSync(DISTRIBUTION) ? readdirSync(DISTRIBUTION).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => path.join(DISTRIBUTION, version, "bin", name)).find((file) => existsSync(file));
  return found ?? execFileSync("which", [name], { encoding: "utf8" }).trim();
}

/** @throws Error where PostgreSQL is not installed: `scripts/databases.sh` does that */
export async function startPostgres(): Promise<PostgresServer> {
  const account = accountOf("postgres");
  const folder = serverFolder("postgres", account);
  const data = path.join(folder, "data");
  writeFileSync(path.join(folder, "password"), PASSWORD, { mode: 0o644 });
  const authentication = ["--username=gasw", "--auth=scram-sha-256", `--pwfile=${path.join(folder, "password")}`];
  runAs(account, binary("initdb"), ["-D", data, ...authentication, "--encoding=UTF8", "--locale=C", "--no-sync"], folder);
  const port = await freePort();
  const connect = async (database = "postgres") => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "gasw", password: PASSWORD, database });
    // A server that is killed on purpose cuts it.
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  const once = async (statement: string) => {
    const client = await connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const { authority, certificate, key } = makeCertificate(folder, account);
  const tls = ["ssl=on", `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`];
  writeFileSync(path.join(data, "postgresql.auto.conf"), tls.map((line) => line.replace(/=(.*)/, " = '$1'\n")).join(""));
  const fast = ["fsync=off", "full_page_writes=off", "shared_buffers=16MB", "autovacuum=off"];
  const options = [...fast, `port=${port}`, "listen_addresses=127.0.0.1,127.0.0.2", `unix_socket_directories=${folder}`].flatMap(
    (option) => ["-c", option],
  );
  const server = new ServerProcess(folder, [binary("postgres"), "-D", data, ...options], account, () => once("select 1"), "SIGQUIT");
  await server.start();
  let databases = 0;
  return {
    port,
    authority,
    user: "gasw",
    password: PASSWORD,
    url: (database) => `postgres://127.0.0.1:${port}/${database}`,
    connect,
    makeDatabase: async (more = "") => {
      const name = `gasw_${databases++}`;
      await once(`create database ${name} ${more}`);
      return name;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
