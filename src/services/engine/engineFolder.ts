import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Properties } from "../../core/gasw/properties.ts";
import { GaswError, messageOf, systemCode } from "../../errors.ts";
import { markedEncoding } from "../../textFile.ts";

/** GASW's own file, else the one that MOTEUR's server makes each workflow's `conf/settings.conf` from. */
const SETTINGS_FILES = ["settings.conf", "default.conf"];

/** An engine's directory, and what its settings say. */
export interface EngineFolder {
  readonly directory: string;
  readonly conf: string;
  readonly file: string;
  /** As the file has it, each byte a character: GASW reads it as ISO 8859-1. */
  readonly text: string;
  readonly settings: Properties;
  /** Whether a byte order mark stands before it, which GASW takes for a part of the first key. */
  readonly hasMark: boolean;
}

/**
 * Reads an engine's settings.
 * @param given the engine's directory, or its conf/
 * @throws GaswError CONFIG
 */
export function readEngine(given: string, env: NodeJS.ProcessEnv): EngineFolder {
  const conf = confOf(given);
  const file = SETTINGS_FILES.map((name) => path.join(conf, name)).find((one) => kindOf(one) !== NOTHING);
  if (file === undefined)
    throw new GaswError("CONFIG", `${conf} has no settings.conf`, {
      hint: "name the directory of the engine, whose conf/ has GASW's settings.conf",
    });
  const bytes = readBytes(file);
  const encoding = markedEncoding(bytes);
  if (encoding !== undefined && encoding !== "utf-8")
    throw new GaswError("CONFIG", `${file} is in ${encoding}, which GASW cannot read`, {
      hint: "save it as UTF-8 without a byte order mark",
    });
  const text = bytes.toString("latin1");
  const hasMark = encoding !== undefined;
  const settings = new Properties(hasMark ? text.slice(MARK_LENGTH) : text, env);
  return { directory: path.dirname(conf), conf, file, text, settings, hasMark };
}

/** Bytes of the mark of UTF-8. */
const MARK_LENGTH = 3;

function confOf(given: string): string {
  const conf = path.join(given, "conf");
  if (kindOf(conf) === "a directory") return conf;
  const kind = kindOf(given);
  if (path.basename(given) === "conf" && kind === "a directory") return given;
  const what = kind === "a directory" ? "has no conf/" : kind === "a file" ? "is not a directory" : kind;
  throw new GaswError("CONFIG", `${given} ${what}`, {
    hint: "name the directory of the engine, whose conf/ has GASW's settings.conf",
  });
}

const NOTHING = "does not exist";

/** What is at a path, in words. */
function kindOf(file: string): string {
  try {
    return statSync(file).isDirectory() ? "a directory" : "a file";
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? NOTHING : `cannot be read (${code})`;
  }
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new GaswError("CONFIG", `${file} cannot be read (${systemCode(cause) ?? messageOf(cause)})`, {
      hint: "run this command as the engine's user",
      cause,
    });
  }
}

/** Paths in the settings are meant from the engine's directory. */
export function pathIn(engine: EngineFolder, file: string): string {
  return path.resolve(engine.directory, file);
}
