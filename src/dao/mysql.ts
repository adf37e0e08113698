import { connect, type Socket } from "node:net";
import mysql from "mysql2";
import type { ServerAddress } from "./address.ts";
import { type Answer, bounded, type Connected, type Connection } from "./connection.ts";
import type { DaoSettings } from "./dao.ts";
import * as dialects from "./dialects.ts";

/**
 * Connects to MariaDB or MySQL.
 * @throws the driver's error; NoAnswer; the signal's reason
 */
export async function connectMysql(address: ServerAddress, settings: DaoSettings): Promise<Connected> {
  const { host, port, database, tls } = address;
  // A socket of our own: the driver has no way to let go of a server that does not answer.
  const socket: Socket = host.includes("/")
    ? connect(host)
    : connect(port, host).setNoDelay(true).setKeepAlive(true);
  // An IP address is not handed on to TLS by the driver; Node.js then checks the certificate against this,
  // else against `localhost`.
  Object.assign(socket, { _host: host });
  const client = mysql.createConnection({
    stream: () => socket,
    host,
    database,
    user: settings.user ?? address.user ?? "gasw",
    password: settings.password ?? "",
    // Left to itself the driver takes any certificate of a known authority, whoever's it is.
    ...(tls === false ? {} : { ssl: { ...tls, verifyIdentity: tls.rejectUnauthorized } }),
    // Times as the server writes them: a driver's idea of a time has a zone.
    dateStrings: true,
    connectTimeout: 0,
    // Rows that an update has matched are counted, changed or not; no program but this one reads files here.
    flags: ["+FOUND_ROWS", "-LOCAL_FILES"],
  });
  // A connection that is lost while nothing is asked shows itself at the next statement.
  client.on("error", () => undefined);
  const connection = connectionOf(client, socket);
  const greet = async () => {
    await new Promise<void>((resolve, reject) =>
      client.connect((error) => (error === null ? resolve() : reject(error))),
    );
    // The server is to give up first: the connection stays good then.
    const seconds = Math.max(1, Math.ceil(settings.timeout / 1000) - 1);
    await connection.query(`set session autocommit = 1, session innodb_lock_wait_timeout = ${seconds}`, []);
    await connection.query("set session transaction isolation level read committed", []);
  };
  try {
    await bounded(greet, settings, () => connection.destroy());
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return { connection, dialect: dialects.mysql };
}

function connectionOf(client: mysql.Connection, socket: Socket): Connection {
  return {
    query: (sql, parameters) =>
      new Promise((resolve, reject) => {
        const settle = (error: Error | null, result: unknown) =>
          error === null ? resolve(answerOf(result)) : reject(error);
        // Parameters go beside the statement, where no setting of the server can make them part of it; some
        // statements can't be prepared.
        if (parameters.length === 0) client.query(sql, settle);
        else client.execute(sql, parameters as string[], settle);
      }),
    close: () =>
      new Promise((resolve) => {
        socket.once("close", () => resolve());
        if (socket.destroyed) resolve();
        // A lost connection has nobody to take leave of.
        client.end((error) => {
          if (error !== null) socket.destroy();
        });
      }),
    destroy: () => void socket.destroy(),
  };
}

function answerOf(result: unknown): Answer {
  if (Array.isArray(result)) return { rows: result, affected: 0 };
  return { rows: [], affected: (result as mysql.ResultSetHeader).affectedRows };
}
