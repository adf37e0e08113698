import { configError, parseServerUrl, refusePassword, sqliteFile } from "./address.ts";
import type { Connected } from "./connection.ts";
import type { Dao, DaoSettings } from "./dao.ts";
import { told } from "./errors.ts";
import { KyselyDao } from "./kyselyDao.ts";

/** What a scheme of `dao.url` stands for: an address to show, and how to connect. */
interface Target {
  /** Without credentials. */
  readonly address: string;
  readonly connect: () => Promise<Connected>;
}

/**
 * Opens the GASW database that the URL names; its tables are made where they are missing. After a DATABASE
 * error other than a refusal the connection may be lost: close, and open anew.
 * @throws GaswError CONFIG where the URL is wrong; DATABASE where the database can't be reached or used
 */
export async function openDao(settings: DaoSettings): Promise<Dao> {
  const { url, signal } = settings;
  refusePassword(url);
  const { address, connect } = await targetOf(settings);
  return await told(address, signal, async () => await KyselyDao.over(await connect(), settings, address));
}

/** Only the driver that is asked for is loaded. */
async function targetOf(settings: DaoSettings): Promise<Target> {
  const { url } = settings;
  const scheme = /^([a-z0-9+]+):/i.exec(url)?.[1]?.toLowerCase();
  const file = sqliteFile(url);
  if (file !== undefined) {
    if (file === "") throw configError("does not name a file", "use the form sqlite:PATH");
    const { connectSqlite } = await import("./sqlite.ts");
    return { address: file, connect: async () => connectSqlite(file, settings.timeout) };
  }
  if (scheme === "postgres" || scheme === "postgresql") {
    const server = parseServerUrl(url, 5432);
    const { connectPostgres } = await import("./postgres.ts");
    return { address: server.text, connect: () => connectPostgres(server, settings) };
  }
  if (scheme === "mysql" || scheme === "mariadb") {
    const server = parseServerUrl(url, 3306);
    const { connectMysql } = await import("./mysql.ts");
    return { address: server.text, connect: () => connectMysql(server, settings) };
  }
  if (scheme === "jdbc") {
    const address = url.replace(/[;?].*/s, "");
    const { connectJdbc } = await import("./jdbcConnection.ts");
    return { address, connect: () => connectJdbc(address, settings) };
  }
  throw configError(
    scheme === undefined ? "has no scheme" : `has an unknown scheme, ${scheme}`,
    "use one of sqlite, postgres, mysql, mariadb, jdbc",
  );
}
