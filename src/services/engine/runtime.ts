/** Whether what an engine runs in is what the plugin was made for. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { gaswSupport, javaVersion, OLDEST_JAVA } from "../../core/gasw/versions.ts";
import { javaProgram } from "../../dao/javaProgram.ts";
import { GaswError, messageOf, systemCode } from "../../errors.ts";
import type { Finding } from "../submit/finding.ts";
import type { EngineFolder } from "./engineFolder.ts";
import { readJar } from "./jar.ts";

const JAVA_TIMEOUT_MS = 20_000;

/** Asks Java for its version. */
export async function checkJava(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Finding> {
  const java = javaProgram(env);
  const { PATH } = env;
  try {
    const { stdout, stderr } = await promisify(execFile)(java, ["-version"], {
      env: { PATH, LC_ALL: "C" },
      timeout: JAVA_TIMEOUT_MS,
      signal,
    });
    return javaFinding(java, stderr + stdout);
  } catch (error) {
    signal.throwIfAborted();
    const reason = systemCode(error) === "ENOENT" ? "does not exist" : `cannot be run: ${messageOf(error)}`;
    return noJava(java, reason, error);
  }
}

function javaFinding(java: string, said: string): Finding {
  const version = javaVersion(said);
  if (version === undefined) return noJava(java, "does not say its version");
  if (version.major < OLDEST_JAVA) return noJava(java, `is Java ${version.text}`);
  return { check: "java", subject: `Java ${version.text} (${java})` };
}

function noJava(java: string, reason: string, cause?: unknown): Finding {
  const problem = new GaswError("CONFIG", `${java} ${reason}`, {
    hint: `the plugin requires Java ${OLDEST_JAVA} or later; set JAVA_HOME as the engine has it, or install Java`,
    cause,
  });
  return { check: "java", subject: java, problem };
}

/** Where engines have GASW's jar: MOTEUR in libs/, an engine that is one jar in its own folder. */
const FOLDERS = ["", "lib", "libs", "plugins", "..", "../lib", "../libs"];
const GASW_JAR = /^gasw-(\d[\w.]*?)(?:-jar-with-dependencies)?\.jar$/;
const ENGINE_JAR = /^moteur.*\.jar$/i;
const GASW_ABOUT = "META-INF/maven/fr.insalyon.creatis/gasw/pom.properties";

/** Looks for GASW's version. */
export function checkGasw({ directory }: EngineFolder): Finding {
  const found = gaswIn(FOLDERS.map((folder) => path.join(directory, folder)));
  if (found === undefined) {
    const problem = new GaswError("NOT_FOUND", "could not find GASW's jar, gasw-VERSION.jar", {
      hint: "see to it that the engine has GASW 3.x to 4.3",
    });
    return { check: "gasw", subject: directory, problem, isMinor: true };
  }
  const { version, file } = found;
  const finding = { check: "gasw", subject: `GASW ${version} (${file})` } as const;
  const support = gaswSupport(version);
  if (support === "supported") return finding;
  const isMinor = support !== "older";
  const problem = new GaswError("CONFIG", `the plugin was made for GASW 3.x to 4.3, not for ${version}`, {
    hint: isMinor ? "try it with one workflow before all others" : "update GASW to 3.x or 4.x",
  });
  return { ...finding, problem, isMinor };
}

/** What the jar says of itself counts; its name, where it says nothing. */
function gaswIn(folders: readonly string[]): { version: string; file: string } | undefined {
  for (const pattern of [GASW_JAR, ENGINE_JAR])
    for (const folder of folders)
      for (const name of namesIn(folder)) {
        const named = pattern.exec(name);
        if (named === null) continue;
        const file = path.join(folder, name);
        const version = /^version=(\S+)/m.exec(readJar(file)?.text(GASW_ABOUT) ?? "")?.[1] ?? named[1];
        if (version !== undefined) return { version, file };
      }
  return undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}
