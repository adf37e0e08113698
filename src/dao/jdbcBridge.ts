import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { systemCode } from "../errors.ts";
import { shippedFile } from "../shipped.ts";
import type { DaoSettings } from "./dao.ts";

/** For a fast start and a small process: a handful of statements is all that it runs. */
const JVM_OPTIONS = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"];

/** The variables that a Java process may need; the others, which may hold secrets, are not handed on. */
const HANDED_ON = ["PATH", "HOME", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "JAVA_TOOL_OPTIONS"];

/** Characters of the Java process's stderr that are kept for messages. */
const KEPT_OUTPUT = 4000;

/** The compiled bridge. */
const classes = shippedFile("bridge/classes");

/** A value as the bridge takes and gives it; times are text, `YYYY-MM-DD HH:MM:SS.ffffff`. */
export type JdbcValue = string | number | boolean | null;

/** What a request came to; the rows are keyed by the columns' labels as the driver writes them. */
export interface JdbcAnswer {
  readonly rows: readonly Readonly<Record<string, JdbcValue>>[];
  /** Rows changed. */
  readonly affected: number;
}

/** The bridge's own state of an address that no driver on the class path accepts. */
export const NO_DRIVER = "GASW1";

/** What the JDBC driver or its database says. */
export class JdbcError extends Error {
  override readonly name = "JdbcError";
  /** The SQLState (SQL:2016 part 2, 24.1); empty where the driver has none. */
  readonly code: string;
  /** The database's own number. */
  readonly vendorCode: number;

  constructor(code: string, vendorCode: number, message: string) {
    super(message);
    this.code = code;
    this.vendorCode = vendorCode;
  }
}

/** The Java process ended, or could not be started. */
export class JavaEnded extends Error {
  override readonly name = "JavaEnded";
  /**
   * The system's word where the process was not started (`ENOENT`, `EACCES`), else the SQLState of a lost
   * connection.
   */
  readonly code: string;
  /** The end of what it wrote to stderr. */
  readonly output: string;

  constructor(message: string, code: string, output: string) {
    super(message);
    this.code = code;
    this.output = output;
  }
}

interface Pending {
  readonly resolve: (answer: JdbcAnswer) => void;
  readonly reject: (error: Error) => void;
  columns: readonly string[];
  readonly rows: Record<string, JdbcValue>[];
}

/**
 * A Java process that speaks JDBC (bridge/JdbcBridge.java, which tells the protocol), over one connection.
 * Requests are answered in their order; what is under way when the process ends throws JavaEnded. The process
 * ends with this one, however this one ends.
 */
export class JdbcBridge {
  readonly #java: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;
  readonly #pending: Pending[] = [];
  #end: JavaEnded | undefined;
  #line = "";
  #output = "";

  /**
   * Starts the process; whether it could be started shows at the first request.
   * @param classPath the driver's jar
   * @param env of which it is handed what Java needs
   */
  constructor(java: string, classPath: string, env: DaoSettings["env"]) {
    const handedOn = HANDED_ON.map((name) => [name, env[name]] as const).filter(
      ([, value]) => value !== undefined,
    );
    this.#java = spawn(
      java,
      [...JVM_OPTIONS, "-cp", [classPath, classes].join(path.delimiter), "JdbcBridge"],
      {
        // C.UTF-8: file names in UTF-8, messages in English.
        env: { ...Object.fromEntries(handedOn), LC_ALL: "C.UTF-8" },
        // A process group of its own: Ctrl-C in a terminal is this process's to handle, which may still have
        // something to write.
        detached: true,
      },
    );
    this.#ended = this.#watch();
    this.#java.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    this.#java.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
    });
    // A process that does not read any more has ended, which is told in its place.
    this.#java.stdin.on("error", () => undefined);
  }

  /**
   * @returns the names and versions of the product and the driver: `product`, `version`, `driver`,
   * `driverVersion`
   */
  async open(
    url: string,
    seconds: number,
    properties: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, JdbcValue>>> {
    const { rows } = await this.#request("open", url, String(seconds), ...Object.entries(properties).flat());
    return rows[0] ?? {};
  }

  run(sql: string, values: readonly JdbcValue[]): Promise<JdbcAnswer> {
    return this.#request("run", sql, ...values.map(encode));
  }

  /** Begins or ends a transaction, at the connection's own isolation level. */
  transaction(step: "begin" | "commit" | "rollback"): Promise<JdbcAnswer> {
    return this.#request(step);
  }

  /** Lets the process take leave of the database, and waits for its end. */
  async close(): Promise<void> {
    this.#java.stdin.end();
    await this.#ended;
  }

  /**
   * Ends the process at once, with all of its group: `java` may be a script that has started the real one.
   */
  destroy(): void {
    const { pid } = this.#java;
    if (pid === undefined || this.#end !== undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if (systemCode(error) !== "ESRCH") throw error;
    }
  }

  #request(...fields: string[]): Promise<JdbcAnswer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject, columns: [], rows: [] });
      this.#java.stdin.write(`${fields.map(escapeField).join("\t")}\n`);
    });
  }

  async #watch(): Promise<void> {
    try {
      // Its streams are read to their end by then.
      const [code, signal] = (await once(this.#java, "close")) as [number | null, string | null];
      this.#fail(`the Java process ended (${signal ?? `exit ${code}`})`, "08006");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#fail(message, code ?? "");
    }
  }

  #fail(message: string, code: string): void {
    this.#end = new JavaEnded(message, code, this.#output);
    for (const { reject } of this.#pending.splice(0)) reject(this.#end);
  }

  #read(text: string): void {
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const [kind, ...fields] = line.split("\t").map(unescapeField);
    const pending = this.#pending[0];
    if (kind === "columns" && pending) pending.columns = fields;
    else if (kind === "row" && pending)
      pending.rows.push(Object.fromEntries(fields.map((field, i) => [pending.columns[i], decode(field)])));
    else if (kind === "done")
      this.#pending.shift()?.resolve({ rows: pending?.rows ?? [], affected: Number(fields[0]) });
    else if (kind === "error")
      this.#pending.shift()?.reject(new JdbcError(fields[0] ?? "", Number(fields[1]), fields[2] ?? ""));
    // Java tells there why it can't start.
    else this.#output += `${line}\n`;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const UNESCAPES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ESCAPES).map(([raw, escaped]) => [escaped, raw]),
);

/** A field as it stands in a line: no tab, no line's end. */
export function escapeField(field: string): string {
  return field.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}

/** The inverse of `escapeField`. */
export function unescapeField(field: string): string {
  return field.replace(/\\./g, (escaped) => UNESCAPES[escaped] ?? escaped);
}

function encode(value: JdbcValue): string {
  if (value === null) return "n";
  if (typeof value === "number") return `${Number.isInteger(value) ? "i" : "d"}${value}`;
  return `${typeof value === "boolean" ? "b" : "s"}${value}`;
}

function decode(field: string): JdbcValue {
  const content = field.slice(1);
  const type = field[0];
  if (type === "n") return null;
  if (type === "b") return content === "true";
  return type === "s" ? content : Number(content);
}
