import { accessSync, constants } from "node:fs";
import path from "node:path";
import { GaswError, messageOf, systemCode } from "../errors.ts";
import { bounded, type Connected, type Connection } from "./connection.ts";
import type { DaoSettings } from "./dao.ts";
import { javaProgram } from "./javaProgram.ts";
import { JavaEnded, JdbcBridge, JdbcError, type JdbcValue, NO_DRIVER } from "./jdbcBridge.ts";
import { productOf } from "./jdbcDialect.ts";

const JAR_HINT =
  "set dao.driverJar to the JDBC driver that matches the server's version; a GASW installation ships it (h2-VERSION.jar)";

/**
 * Connects to any database that has a JDBC driver and that GASW knows.
 * @param address of the database, without settings
 * @throws GaswError CONFIG where Java or the driver can't be used, DATABASE where the database says why it
 * refuses; what databaseError words
 */
export async function connectJdbc(address: string, settings: DaoSettings): Promise<Connected> {
  const java = javaProgram(settings.env);
  const jar = readableJar(settings.driverJar);
  const bridge = new JdbcBridge(java, jar, settings.env);
  try {
    return await bounded(
      () => greeted(bridge, settings),
      settings,
      () => bridge.destroy(),
    );
  } catch (error) {
    bridge.destroy();
    await bridge.close();
    throw openingError(error, java, jar, address);
  }
}

async function greeted(bridge: JdbcBridge, settings: DaoSettings): Promise<Connected> {
  const { product, version } = await bridge.open(
    settings.url,
    statementSeconds(settings.timeout),
    connectionProperties(settings),
  );
  const { dialect, greeting } = productOf(String(product), String(version));
  const connection = new JdbcConnection(bridge);
  for (const sql of greeting(settings.timeout)) await connection.query(sql, []);
  return { connection, dialect };
}

function readableJar(file: string | undefined): string {
  if (file === undefined)
    throw new GaswError("CONFIG", "a jdbc: address in dao.url requires dao.driverJar", {
      hint: JAR_HINT,
    });
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new GaswError("CONFIG", `dao.driverJar: ${file} cannot be read (${systemCode(cause)})`, {
      hint: JAR_HINT,
      cause,
    });
  }
  return path.resolve(file);
}

/**
 * What the driver gives a statement, so that the server ends it before this program stops waiting: a second
 * less, where there is one.
 */
function statementSeconds(timeout: number): number {
  return Math.max(1, Math.ceil(timeout / 1000) - 1);
}

/** User and password are `gasw` by default, as GASW's own H2 plugin has it. */
function connectionProperties({
  url,
  user = "gasw",
  password = "gasw",
}: DaoSettings): Record<string, string> {
  // Times are handed over as text: the server finds out what a text is for.
  return { user, password, ...(url.startsWith("jdbc:postgresql:") ? { stringtype: "unspecified" } : {}) };
}

/** A connection through the bridge; errors carry the SQLSTATE that databaseError knows. */
class JdbcConnection implements Connection {
  readonly #bridge: JdbcBridge;

  constructor(bridge: JdbcBridge) {
    this.#bridge = bridge;
  }

  async query(sql: string, parameters: readonly unknown[]) {
    try {
      // JDBC begins and ends transactions itself.
      if (sql === "begin" || sql === "commit" || sql === "rollback")
        return await this.#bridge.transaction(sql);
      return await this.#bridge.run(sql, parameters.map(jdbcValue));
    } catch (error) {
      throw error instanceof JdbcError
        ? new JdbcError(standardState(error), error.vendorCode, error.message)
        : error;
    }
  }

  close(): Promise<void> {
    return this.#bridge.close();
  }

  destroy(): void {
    this.#bridge.destroy();
  }
}

function jdbcValue(value: unknown): JdbcValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`no JDBC parameter: ${typeof value}`);
}

/**
 * SQLSTATEs of the standard, or PostgreSQL's, for what a driver calls otherwise: H2's own numbers
 * (org.h2.api.ErrorCode), and the numbers of MariaDB and MySQL for which their drivers have no SQLSTATE of
 * their own.
 */
const STANDARD_STATES: Readonly<Record<number, string>> = {
  42101: "42P07",
  42111: "42P07",
  50200: "40001",
  90013: "3D000",
  90045: "42710",
  90067: "08006",
  90096: "42501",
  90097: "25006",
  90098: "08006",
  90121: "08006",
  90131: "40001",
  90135: "57014",
  90146: "3D000",
  90149: "3D000",
  1020: "40001",
  1062: "23505",
  1205: "57014",
  1265: "22000",
  1364: "23502",
  1366: "22000",
  3819: "23514",
};

/** H2's number for whatever has no number of its own. */
const GENERAL_ERROR = 50000;

function standardState({ code, vendorCode, message }: JdbcError): string {
  // H2 looks whether an object is there before it takes the lock under which it makes it.
  if (vendorCode === GENERAL_ERROR && message.includes("object already exists")) return "42P07";
  return STANDARD_STATES[vendorCode] ?? code;
}

const VERSION_HINT =
  "set dao.driverJar to the driver that matches the server's version; a GASW installation ships it (h2-VERSION.jar)";

/**
 * What H2 says of an address or a driver that don't fit, by its number (org.h2.api.ErrorCode), and what to do
 * about it.
 */
const H2_REFUSALS: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  90011: ["the path is relative", "use the absolute path of the database file in dao.url"],
  90020: [
    "another program has its file open",
    "use the address of the server that has it open, jdbc:h2:tcp://HOST:PORT/PATH",
  ],
  90046: ["the address is malformed", "write dao.url as jdbc:h2:tcp://HOST:PORT/PATH or jdbc:h2:/PATH"],
  90047: ["the driver's version does not match the server's", VERSION_HINT],
  90048: ["the driver's version does not match the file's", VERSION_HINT],
  90113: [
    "this version of H2 does not support a setting in the address",
    "remove it from dao.url; H2 2 rejects MVCC=TRUE, which is always on",
  ],
};

function openingError(error: unknown, java: string, jar: string, address: string): unknown {
  if (error instanceof JavaEnded) return javaError(error, java);
  if (!(error instanceof JdbcError)) return error;
  const refusal = H2_REFUSALS[error.vendorCode];
  if (refusal !== undefined) {
    const [what, hint] = refusal;
    return new GaswError(
      "DATABASE",
      `cannot use the GASW database ${address}: ${what} (${firstLine(error.message)})`,
      {
        hint,
        cause: error,
      },
    );
  }
  if (error.code === NO_DRIVER) {
    const kind = address.split(":", 2).join(":");
    return new GaswError("CONFIG", `dao.driverJar: ${jar} is not a JDBC driver for ${kind}:`, {
      hint: JAR_HINT,
      cause: error,
    });
  }
  return new JdbcError(standardState(error), error.vendorCode, error.message);
}

function javaError(error: JavaEnded, java: string): GaswError {
  const hint =
    "install Java 17 or later (Debian: openjdk-17-jre-headless), and set JAVA_HOME if it is not in the PATH";
  const said = (what: string) =>
    new GaswError("CONFIG", `a jdbc: address in dao.url requires Java, but ${java} ${what}`, {
      hint,
      cause: error,
    });
  if (error.code === "ENOENT") return said("does not exist");
  if (error.code === "EACCES") return said("cannot be run (EACCES)");
  if (error.output.includes("UnsupportedClassVersionError")) return said("is older than 17");
  return said(`did not start: ${messageOf(error)}: ${firstLine(error.output)}`);
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
