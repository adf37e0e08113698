/** Where GASW's database plugins keep the jobs, as `dao` has it: the names of the keys are theirs. Pure. */
import type { Properties } from "./properties.ts";

/** Something that is not taken over, and what to do about it. */
export interface NotTaken {
  readonly what: string;
  readonly hint: string;
}

/** `dao` in the configuration. */
export interface DaoValues {
  readonly url: string;
  readonly user: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly driverJar?: string;
}

/** What was found of a database. */
export type FoundDatabase =
  | { readonly kind: "h2" | "mysql"; readonly dao: DaoValues }
  | { readonly kind: "none"; readonly why: NotTaken };

/** The public ones, by what the name of their jar contains. */
const READERS: Readonly<Record<string, (settings: Properties) => FoundDatabase>> = {
  h2,
  mysql,
  mariadb: mysql,
};

/** The database that the settings name. */
export function databaseOf(settings: Properties): FoundDatabase {
  const jar = settings.get("plugin.db") ?? "";
  const names = Object.keys(READERS);
  const named = names.find((name) => new RegExp(name, "i").test(jar.replace(/^.*\//, "")));
  const kind =
    named ?? names.find((name) => settings.definitions.some(({ key }) => key.startsWith(`plugin.${name}.`)));
  const read = READERS[kind ?? ""];
  if (read !== undefined) return read(settings);
  const what =
    jar === ""
      ? "plugin.db: no database plugin is set"
      : `plugin.db: ${jar} is not a plugin that this command knows`;
  return none(what, "set dao to the database that your platform reads (docs/gasw-database.md)");
}

/** GASW-H2-Plugin. */
function h2(settings: Properties): FoundDatabase {
  const of = (name: string, fallback: string) => settings.get(`plugin.h2.${name}`) ?? fallback;
  if (!/^(?:true|t|yes|y|on)$/i.test(of("server.enabled", "false")))
    return none(
      "plugin.h2.server.enabled is not true: the engine alone can open its database, and gasw-k8s could not write to it",
      "start H2's server, set plugin.h2.server.enabled, and run this command again; or set dao",
    );
  const schema = of("schema", "PUBLIC");
  const settingsOf = schema.toUpperCase() === "PUBLIC" ? "" : `;SCHEMA=${schema}`;
  const server = serverOf(settings, "h2", "9092");
  if (server === undefined) return badServer("h2");
  const url = `jdbc:h2:tcp://${server}/{workflowDir}/${of("db.path", "~/.gasw/db")}${settingsOf}`;
  const password = of("password", "");
  // Without any, JDBC gets GASW's usual password: an empty one can only come from a file.
  const secret = password === "" ? { passwordFile: "/dev/null" } : { password };
  return { kind: "h2", dao: { url, user: of("user", "test"), ...secret } };
}

/** GASW-MySQL-Plugin. */
function mysql(settings: Properties): FoundDatabase {
  const of = (name: string, fallback: string) => settings.get(`plugin.mysql.${name}`) ?? fallback;
  const server = serverOf(settings, "mysql", "3306");
  if (server === undefined) return badServer("mysql");
  const password = of("password", "");
  const url = `mysql://${server}/${encodeURIComponent(of("schema", "gasw"))}`;
  return { kind: "mysql", dao: { url, user: of("user", "gasw"), ...(password === "" ? {} : { password }) } };
}

/** Undefined where they are no host and port, as in a template that nobody has filled in. */
function serverOf(settings: Properties, plugin: string, fallback: string): string | undefined {
  const host = settings.get(`plugin.${plugin}.server.host`) ?? "localhost";
  const port = settings.get(`plugin.${plugin}.server.port`) ?? fallback;
  return /^[^\s/:;?]+$/.test(host) && /^\d{1,5}$/.test(port) ? `${host}:${port}` : undefined;
}

function badServer(plugin: string): FoundDatabase {
  const what = `plugin.${plugin}.server.host and plugin.${plugin}.server.port: they are not a host and a port`;
  return none(what, "correct them and run this command again, or set dao");
}

function none(what: string, hint: string): FoundDatabase {
  return { kind: "none", why: { what, hint } };
}
