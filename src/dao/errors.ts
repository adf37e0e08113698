import { GaswError, messageOf } from "../errors.ts";
import { NoAnswer } from "./connection.ts";

/**
 * The database's word for an error: an SQLSTATE (PostgreSQL, JDBC), a name (MariaDB, SQLite) or Node.js's
 * code of a connection.
 */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Whether a row of that key is there already. */
export function isDuplicate(error: unknown): boolean {
  return /^(23505|ER_DUP_ENTRY|SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE))$/.test(codeOf(error));
}

/** Whether the database has sacrificed the transaction to another one: to be done again. */
export function isSacrificed(error: unknown): boolean {
  return /^(40001|40P01|ER_LOCK_DEADLOCK|ER_CHECKREAD|90131|SQLITE_BUSY_SNAPSHOT)$/.test(codeOf(error));
}

/**
 * MariaDB's and MySQL's names for a value that a column does not take, where their SQLSTATE tells it no more
 * than `general error`.
 */
const REFUSED_VALUES =
  /^(WARN_DATA_TRUNCATED|ER_TRUNCATED_WRONG_VALUE_FOR_FIELD|ER_NO_DEFAULT_FOR_FIELD|ER_CHECK_CONSTRAINT_VIOLATED)$/;

/**
 * Whether the database refuses a value of one row (SQLSTATE classes 22, data exception, and 23, integrity
 * constraint violation).
 */
export function isRefusedValue(error: unknown): boolean {
  const state = error instanceof Error && "sqlState" in error ? String(error.sqlState) : codeOf(error);
  if (/^2[23]...$/.test(state) || isTooLongForIndex(error)) return true;
  return REFUSED_VALUES.test(codeOf(error)) || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)/.test(codeOf(error));
}

/**
 * Whether a table, an index or a constraint of that name is there already, which another program has just
 * made.
 */
export function isMadeAlready(error: unknown): boolean {
  return /^(42P07|42710|42S01|ER_TABLE_EXISTS_ERROR|ER_DUP_KEYNAME|ER_FK_DUP_NAME)$/.test(codeOf(error));
}

/**
 * Whether MariaDB or MySQL answers that it does not make a table: this user may not, it is a replica, or too
 * old for a key of that length. JDBC tells no more than these SQLSTATEs.
 */
export function isRefusedDefinition(error: unknown): boolean {
  return /^(ER_\w*ACCESS_DENIED_ERROR|ER_OPTION_PREVENTS_STATEMENT|ER_READ_ONLY_MODE|ER_CANT_CREATE_TABLE|ER_TOO_LONG_KEY|ER_UNKNOWN_STORAGE_ENGINE|42000|HY000)$/.test(
    codeOf(error),
  );
}

/** Whether an index does not take a text of that length (PostgreSQL `program_limit_exceeded`). */
export function isTooLongForIndex(error: unknown): boolean {
  return codeOf(error) === "54000";
}

const LOGIN =
  "check dao.user and the password in dao.passwordFile, and that the server accepts this user from this host";
const NETWORK = "check dao.url, the server, the network and any firewall; unsynced changes stay queued";
const RIGHTS =
  "ask the database administrator to grant dao.user SELECT, INSERT, UPDATE and DELETE on GASW's tables";
const TLS =
  "set the server's CA (sslrootcert=FILE in dao.url), or use a host name that its certificate lists";
const DISK = "free space on the server's disk; unsynced changes stay queued";

/**
 * What an error means and what to do about it, by its code or, where the driver gives none, its message; the
 * first that fits.
 */
const MEANINGS: readonly (readonly [code: RegExp, what: string, hint: string])[] = [
  [/^(ECONNREFUSED|ENOENT)$/, "connection refused", NETWORK],
  [
    /^(ENOTFOUND|EAI_AGAIN)$/,
    "the host name does not resolve",
    "check the host in dao.url and the DNS server",
  ],
  [/^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/, "no route to host", NETWORK],
  [
    /^(ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST|57P0[123]|08...|Connection terminated.*|Client has .*|Can't add new .*)$/,
    "the connection was lost",
    NETWORK,
  ],
  [
    /^(28...|ER_ACCESS_DENIED\w*|ER_DBACCESS_DENIED_ERROR|ER_HOST_NOT_PRIVILEGED|SASL: .*)$/,
    "login failed",
    LOGIN,
  ],
  [
    /^(3D000|ER_BAD_DB_ERROR)$/,
    "the database does not exist",
    "fix the database's name in dao.url, or create it; its tables are created automatically",
  ],
  [
    /^(25006|ER_OPTION_PREVENTS_STATEMENT|ER_READ_ONLY_MODE|SQLITE_READONLY.*)$/,
    "the database is read-only",
    "set dao.url to the primary server, or to a file that this user can write",
  ],
  [/^(42501|ER_(TABLE|COLUMN)ACCESS_DENIED_ERROR|ER_CANT_CREATE_TABLE)$/, "permission denied", RIGHTS],
  [
    /^(57014|40001|40P01|ER_LOCK_WAIT_TIMEOUT|ER_LOCK_DEADLOCK|ER_STATEMENT_TIMEOUT|55P03|SQLITE_BUSY.*)$/,
    "another program holds a lock",
    "find out what locks GASW's tables, or raise dao.timeout",
  ],
  [
    /^(53300|ER_CON_COUNT_ERROR|ER_TOO_MANY_USER_CONNECTIONS|ER_USER_LIMIT_REACHED)$/,
    "too many connections",
    "try again later, or raise the server's connection limit",
  ],
  [/^(53100|ER_DISK_FULL|ER_RECORD_FILE_FULL|SQLITE_FULL|ENOSPC)$/, "the disk is full", DISK],
  [
    /CERT|SIGNATURE|ISSUER|ALTNAME|SELF_SIGNED|HANDSHAKE_SSL_ERROR/,
    "the server's certificate is not trusted",
    TLS,
  ],
  [
    /^(HANDSHAKE_NO_SSL_SUPPORT|The server does not support SSL.*)$/,
    "the server does not use TLS",
    "remove TLS from dao.url, or enable it on the server",
  ],
  [
    /^(EACCES|EPERM|EROFS|ENOTDIR|EISDIR|EEXIST|SQLITE_CANTOPEN.*|SQLITE_PERM|SQLITE_IOERR.*)$/,
    "the file cannot be opened",
    "set dao.url to a file that this user can read and write, on a local disk",
  ],
  [
    /^90030$/,
    "the file is damaged",
    "restore a backup; H2 before 1.4.197 destroys a file once UNHOLD_* is written into an ENUM column (docs/gasw-database.md)",
  ],
  [
    /^SQLITE_(CORRUPT|NOTADB)/,
    "the file is damaged, or not a SQLite database",
    "restore it, or set dao.url to another file",
  ],
];

/**
 * Does something with the database, and words what goes wrong.
 * @param address of the database, without credentials
 * @throws GaswError DATABASE; the signal's reason
 */
export async function told<T>(address: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    signal.throwIfAborted();
    throw databaseError(error, address);
  }
}

function databaseError(error: unknown, address: string): unknown {
  // A mistake in this program is none of the database's.
  if (error instanceof GaswError || error instanceof TypeError || error instanceof RangeError) return error;
  const said = (what: string, hint: string) =>
    new GaswError("DATABASE", `cannot use the GASW database ${address}: ${what}`, { hint, cause: error });
  if (error instanceof NoAnswer) return said(error.message, NETWORK);
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(inner);
  const text = messageOf(inner);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(code || text));
  if (meaning !== undefined) return said(`${meaning[1]} (${text})`, meaning[2]);
  return said(text, "see the database's log");
}
