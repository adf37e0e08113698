import { Socket } from "node:net";
import pg from "pg";
import type { ServerAddress } from "./address.ts";
import { bounded, type Connected, type Connection } from "./connection.ts";
import type { DaoSettings } from "./dao.ts";
import { postgres } from "./dialects.ts";

/**
 * Connects to PostgreSQL.
 * @throws the driver's error; NoAnswer; the signal's reason
 */
export async function connectPostgres(address: ServerAddress, settings: DaoSettings): Promise<Connected> {
  // A socket of our own: the driver has no way to let go of a server that does not answer.
  const socket = new Socket();
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    database: address.database,
    user: settings.user ?? address.user ?? "gasw",
    // A function, and the driver looks for passwords nowhere else.
    password: () => settings.password ?? "",
    ssl: address.tls,
    application_name: "gasw-k8s",
    stream: () => socket,
    // Every value as the server writes it: a driver's idea of a time has a zone.
    types: { getTypeParser: () => (text: string) => text },
  });
  // A connection that is lost while nothing is asked shows itself at the next statement.
  client.on("error", () => undefined);
  const destroy = () => void socket.destroy();
  const connect = async () => {
    await client.connect();
    // Settings, not parameters of the connection, which poolers between refuse. The server is to give up
    // first: the connection stays good then.
    const patience = Math.ceil(settings.timeout * 0.9);
    await client.query(`set datestyle to 'ISO, YMD'; set statement_timeout to ${patience}`);
  };
  try {
    await bounded(connect, settings, destroy);
  } catch (error) {
    destroy();
    throw error;
  }
  return { connection: connectionOf(client, destroy), dialect: postgres };
}

function connectionOf(client: pg.Client, destroy: () => void): Connection {
  return {
    query: async (sql, parameters) => {
      const { rows, rowCount } = await client.query<Record<string, unknown>>(sql, [...parameters]);
      return { rows, affected: rowCount ?? 0 };
    },
    close: () => client.end(),
    destroy,
  };
}
