import { existsSync } from "node:fs";
import path from "node:path";
import mysql from "mysql2/promise";
import { accountOf, freePort, makeCertificate, runAs, ServerProcess, serverFolder } from "./process.ts";

const PASSWORD = "quite secret";

/** A MariaDB server of its own. */
export interface MariadbServer {
  readonly port: number;
  /** File with the certificate that signs the server's own. */
  readonly authority: string;
  readonly user: string;
  readonly password: string;
  url(database: string): string;
  /** The administrator's connection, which the caller ends. */
  connect(database?: string): Promise<mysql.Connection>;
  /** Makes an empty database and tells its name. */
  makeDatabase(options?: string): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error where MariaDB is not installed: `scripts/databases.sh` does that */
export async function startMariadb(): Promise<MariadbServer> {
  const program = ["/usr/sbin/mariadbd", "/usr/sbin/mysqld"].find((file) => existsSync(file));
  if (program === undefined) throw new Error("MariaDB is not installed: scripts/databases.sh does that");
  const account = accountOf("mysql");
  const folder = serverFolder("mariadb", account);
  const data = path.join(folder, "data");
  const socket = path.join(folder, "socket");
  const quick = [
    "--innodb-log-file-size=8M",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
  ];
  const places = ["--no-defaults", `--datadir=${data}`];
  runAs(account, "mariadb-install-db", [...places, ...quick, "--auth-root-authentication-method=normal", "--skip-test-db"], folder);
  const port = await freePort();
  const connect = async (database?: string) => {
    const connection = await mysql.createConnection({ socketPath: socket, user: "root", ...(database === undefined ? {} : { database }) });
    // A server that is killed on purpose cuts it.
    connection.on("error", () => undefined);
    return connection;
  };
  const once = async (statement: string) => {
    const connection = await connect();
    try {
      await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  const { authority, certificate, key } = makeCertificate(folder, account);
  const network = [
    `--port=${port}`,
    "--bind-address=127.0.0.1,127.0.0.2",
    `--socket=${socket}`,
    `--pid-file=${path.join(folder, "pid")}`,
    "--skip-name-resolve",
    `--ssl-cert=${certificate}`,
    `--ssl-key=${key}`,
  ];
  const server = new ServerProcess(folder, [program, ...places, ...quick, ...network], account, () => once("select 1"), "SIGKILL");
  await server.start();
  await once(`create user gasw@'%' identified by '${PASSWORD}'`);
  await once("grant all on *.* to gasw@'%'");
  let databases = 0;
  return {
    port,
    authority,
    user: "gasw",
    password: PASSWORD,
    url: (database) => `mysql://127.0.0.1:${port}/${database}`,
    connect,
    makeDatabase: async (options = "character set utf8mb4") => {
      const name = `gasw_${databases++}`;
      await once(`create database ${name} ${options}`);
      return name;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
