/** An engine's configuration, as one configuration of this tool. */
import { existsSync } from "node:fs";
import path from "node:path";
import { safeParse } from "zod/mini";
import { parseFile, readNamed } from "../../config/load/files.ts";
import { loadConfig } from "../../config/load/load.ts";
import { mergeLayers } from "../../config/load/merge.ts";
import { modernise } from "../../config/schema/generations.ts";
import { configSchema } from "../../config/schema/schema.ts";
import { ConfigError, refusalOf, refusalProblem } from "../../config/text/problems.ts";
import { type DaoValues, databaseOf, type NotTaken } from "../../core/gasw/database.ts";
import { GaswError } from "../../errors.ts";
import { type EngineFolder, pathIn } from "./engineFolder.ts";
import { readJar } from "./jar.ts";

/** The Java plugin's file, and that of its newest generation. */
const OLDER_FILE = "kubernetes_plugin.conf";
const NEWEST_FILE = "conf_kubernetes.json";
const H2_DRIVER = "org/h2/Driver.class";

/** What most files of the Java plugin do not say. */
const UNSET: readonly (NotTaken & { readonly key: string })[] = [
  {
    key: "workflowsLocation",
    what: "workflowsLocation: the Java plugin's file does not say where the workflow directories are",
    hint: "set it to the directory that contains them",
  },
  {
    key: "image",
    what: "image: the Java plugin's file does not say which image jobs run in",
    hint: "set it",
  },
];

/** What was taken over. */
export interface Migrated {
  /** As a configuration file has them. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly notTaken: readonly NotTaken[];
  /** The files that they come from. */
  readonly sources: readonly string[];
}

/**
 * Takes over the Java plugin's file, the retries and the database.
 * @throws GaswError CONFIG; ConfigError
 */
export async function configurationOf(engine: EngineFolder, env: NodeJS.ProcessEnv): Promise<Migrated> {
  const plugin = await pluginValues(engine, env);
  const database = databaseOf(engine.settings);
  const dao = database.kind === "none" ? undefined : withDriver(engine, database.kind, database.dao);
  const retryCount = engine.settings.get("default.retry.count");
  const values = {
    ...plugin.values,
    ...(retryCount === undefined ? {} : { retryCount: asNumber(retryCount) }),
    ...(dao === undefined ? {} : { dao: dao.values }),
  };
  refuseInvalid(values, engine.file);
  const unset = UNSET.filter(({ key }) => plugin.values[key] === undefined);
  const fromDatabase = database.kind === "none" ? [database.why] : (dao?.notTaken ?? []);
  return {
    values,
    notTaken: [...plugin.notTaken, ...fromDatabase, ...unset, ...settingsNotTaken(engine)],
    sources: [...plugin.sources, engine.file],
  };
}

/** The values of the Java plugin's file, under this tool's keys. */
async function pluginValues(engine: EngineFolder, env: NodeJS.ProcessEnv): Promise<Migrated> {
  const { conf } = engine;
  const [file, other] = [OLDER_FILE, NEWEST_FILE]
    .map((name) => path.join(conf, name))
    .filter((one) => existsSync(one));
  if (file === undefined) {
    const what = `the Java plugin's file: ${conf} has neither ${OLDER_FILE} nor ${NEWEST_FILE}`;
    return {
      values: {},
      notTaken: [{ what, hint: "set the cluster and the volumes yourself" }],
      sources: [],
    };
  }
  if (other !== undefined)
    throw new GaswError("CONFIG", `${conf} has both ${OLDER_FILE} and ${NEWEST_FILE}`, {
      hint: `move the one aside that the Java plugin does not read: its newest version reads ${NEWEST_FILE}`,
    });
  const { HOME } = env;
  const { warnings } = await loadConfig({ cwd: engine.directory, env: { HOME }, file });
  const layer = { origin: () => ({ kind: "file", path: file }) as const, base: engine.directory, home: HOME };
  const { values } = mergeLayers([{ ...layer, values: modernise(await parseFile(readNamed(file))).values }]);
  const notTaken = warnings.map((what) => ({
    what,
    hint: "write what it meant into the new file, if it meant anything",
  }));
  return { values, notTaken, sources: [file] };
}

/** The driver's jar is the database plugin's own, which has the version that its server speaks. */
function withDriver(
  engine: EngineFolder,
  kind: "h2" | "mysql",
  values: DaoValues,
): { readonly values: DaoValues; readonly notTaken: readonly NotTaken[] } {
  if (kind !== "h2") return { values, notTaken: [] };
  const jar = pathIn(engine, engine.settings.get("plugin.db") ?? "");
  if (readJar(jar)?.has(H2_DRIVER)) return { values: { ...values, driverJar: jar }, notTaken: [] };
  const what = `dao.driverJar: ${jar} does not have the H2 driver`;
  return { values, notTaken: [{ what, hint: "set it to the jar of the H2 server's own version" }] };
}

/** A number as a number; the schema refuses anything else. */
function asNumber(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** What comes from the settings has not been checked yet. */
function refuseInvalid(values: Readonly<Record<string, unknown>>, file: string): void {
  const parsed = safeParse(configSchema, values);
  if (parsed.success) return;
  throw new ConfigError(parsed.error.issues.map((issue) => refusalProblem(refusalOf(issue), file, values)));
}

function settingsNotTaken({ settings, file, hasMark }: EngineFolder): NotTaken[] {
  const found: NotTaken[] = [];
  if (/^(?:true|t|yes|y|on)$/i.test(settings.get("minorstatus.service.enabled") ?? ""))
    found.push({
      what: "minorstatus.service.enabled: it remains a setting of the engine",
      hint: "leave dao.minorStatus off, which would write the same rows",
    });
  if (settings.get("include") !== undefined)
    found.push({
      what: "include: files that the settings include are not read",
      hint: "add what they say by hand",
    });
  if (hasMark)
    found.push({
      what: `the byte order mark at the beginning of ${file}, which GASW takes for a part of the first key`,
      hint: "save the file without it",
    });
  return found;
}
