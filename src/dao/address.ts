import { readFileSync } from "node:fs";
import { holdsPassword } from "../core/secrets.ts";
import { GaswError, messageOf } from "../errors.ts";

/** A certificate check as Node.js's `tls.connect` takes it; false: no TLS. */
type Tls =
  | false
  | {
      readonly ca?: string;
      readonly cert?: string;
      readonly key?: string;
      readonly rejectUnauthorized: boolean;
    };

/** A server's database, as its URL names it. */
export interface ServerAddress {
  /** For messages: without credentials and parameters. */
  readonly text: string;
  /** A host, or the path of a socket (PostgreSQL: of its folder). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string | undefined;
  readonly tls: Tls;
}

const PARAMETERS = ["host", "ssl", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/** @throws GaswError CONFIG */
export function configError(what: string, hint: string, cause?: unknown): GaswError {
  return new GaswError("CONFIG", `dao.url ${what}`, { hint, cause });
}

const FORM =
  "postgres://HOST:PORT/DATABASE, mysql://HOST:PORT/DATABASE, sqlite:PATH or jdbc:h2:tcp://HOST:PORT/PATH";

/**
 * A database's URL with a workflow's directory and id filled in.
 * @throws GaswError CONFIG where they would be more than a part of a path
 */
export function filledIn(
  url: string,
  { directory, id }: { readonly directory: string; readonly id: string },
): string {
  return url.replaceAll(/\{workflow(Dir|Id)\}/g, (_, what: string) => {
    const value = what === "Dir" ? directory : id;
    // Taken apart again: what stands in it must not become a port, a user or a parameter.
    if (/^(postgres(ql)?|mysql|mariadb):/i.test(url)) return encodeURIComponent(value);
    if (!/^jdbc:/i.test(url) || !value.includes(";")) return value;
    const reason = `cannot use {workflow${what}} of ${directory}: in a jdbc: address a semicolon starts settings`;
    throw configError(reason, "rename the workflow's directory, or leave the placeholder out of dao.url");
  });
}

/** The file that a URL of SQLite names; undefined for another database's. */
export function sqliteFile(url: string): string | undefined {
  return /^sqlite:(.*)$/is.exec(url)?.[1]?.replace(/^\/\/(?=\/)/, "");
}

/**
 * Refuses a password, wherever in a URL it stands.
 * @throws GaswError CONFIG
 */
export function refusePassword(url: string): void {
  if (!holdsPassword(url)) return;
  const hint =
    "put the password in a file that only you can read, and set dao.passwordFile to it; write an @ elsewhere as %40";
  throw configError("contains a password", hint);
}

/**
 * Takes a URL of PostgreSQL or MySQL apart.
 * @throws GaswError CONFIG
 */
export function parseServerUrl(url: string, defaultPort: number): ServerAddress {
  const parsed = parse(url);
  const { searchParams: parameters, hostname } = parsed;
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    throw configError(`has an unknown parameter, ${unknown}`, `use one of ${PARAMETERS.join(", ")}`);
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === "") throw configError("does not name a database", `use the form ${FORM}`);
  const host =
    decodeURIComponent(parameters.get("host") ?? hostname.replace(/^\[(.*)\]$/, "$1")) || "localhost";
  const port = Number(parsed.port || defaultPort);
  const server = host.includes("/") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    text: `${parsed.protocol}//${server}/${database}`,
    host,
    port,
    database,
    user: parsed.username === "" ? undefined : decodeURIComponent(parsed.username),
    tls: parseTls(parameters),
  };
}

function parse(url: string): URL {
  try {
    const parsed = new URL(url);
    decodeURIComponent(parsed.pathname + parsed.username + parsed.hostname);
    return parsed;
  } catch (cause) {
    // The text itself is not shown: what can't be taken apart may have a password somewhere.
    throw configError("is not a URL", `use the form ${FORM}`, cause);
  }
}

/**
 * TLS as node-postgres understands it: whatever asks for it has the server's certificate checked, but for
 * `no-verify`.
 */
function parseTls(parameters: URLSearchParams): Tls {
  const mode = parameters.get("sslmode") ?? SSL_MODES[parameters.get("ssl") ?? "absent"];
  if (mode === undefined) throw configError("has an invalid value for ssl", "use true or false");
  const files = {
    ca: parameters.get("sslrootcert"),
    cert: parameters.get("sslcert"),
    key: parameters.get("sslkey"),
  };
  const given = Object.entries(files).flatMap(([name, file]) =>
    file === null ? [] : [[name, readCertificate(file)]],
  );
  if (mode === "disable" || (mode === "absent" && given.length === 0)) return false;
  const isKnown = ["absent", "prefer", "require", "verify-ca", "verify-full", NO_VERIFY].includes(mode);
  // Said outright, since NODE_TLS_REJECT_UNAUTHORIZED in somebody's environment would decide it else.
  if (isKnown) return { ...Object.fromEntries(given), rejectUnauthorized: mode !== NO_VERIFY };
  throw configError(
    "has an invalid value for sslmode",
    "use one of disable, require, verify-full, no-verify",
  );
}

const NO_VERIFY = "no-verify";

/** Whether a URL of PostgreSQL or MySQL has the server's certificate taken whosever it is. */
export function skipsVerification(url: string): boolean {
  return URL.canParse(url) && new URL(url).searchParams.get("sslmode") === NO_VERIFY;
}

const SSL_MODES: Readonly<Record<string, string>> = {
  absent: "absent",
  true: "verify-full",
  "1": "verify-full",
  false: "disable",
  "0": "disable",
};

function readCertificate(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw configError(
      `refers to a file that cannot be read (${messageOf(cause)})`,
      "fix sslrootcert, sslcert or sslkey",
      cause,
    );
  }
}
