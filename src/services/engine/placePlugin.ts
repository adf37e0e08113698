import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { GaswError, messageOf, systemCode } from "../../errors.ts";
import { shippedFile } from "../../shipped.ts";
import type { Finding } from "../submit/finding.ts";
import { PLUGIN_NAME, pluginKind } from "./plugins.ts";

/** The jar in this package. */
const SHIPPED = shippedFile(`engine/gasw-plugin/${PLUGIN_NAME}`);

/** Puts this tool's plugin in its place; one that is there is replaced, any other file is left as it is. */
export function placePlugin(file: string): Finding {
  try {
    return { check: "plugin", subject: `${file} (${place(file)})` };
  } catch (error) {
    const problem = error instanceof GaswError ? error : notWritten(file, error);
    return { check: "plugin", subject: file, problem };
  }
}

function place(file: string): string {
  if (SHIPPED === undefined)
    throw new GaswError("FAILURE", `this installation of gasw-k8s has no ${PLUGIN_NAME}`, {
      hint: "install gasw-k8s from its tarball again",
    });
  const jar = readFileSync(SHIPPED);
  if (!existsSync(file)) {
    mkdirSync(path.dirname(file), { recursive: true });
    replace(file, jar);
    return "installed";
  }
  if (readFileSync(file).equals(jar)) return "up to date";
  if (pluginKind(file) !== "ours")
    throw new GaswError("CONFLICT", `${file} is not a plugin of gasw-k8s, and is not overwritten`, {
      hint: "move it away, then run this command again",
    });
  replace(file, jar);
  return "replaced";
}

/** A JVM that has the old file open keeps it. */
function replace(file: string, jar: Uint8Array): void {
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeFileSync(fresh, jar, { flag: "wx" });
    // The engine's user is to read it, whatever this one's umask is.
    chmodSync(fresh, 0o644);
    renameSync(fresh, file);
  } finally {
    rmSync(fresh, { force: true });
  }
}

function notWritten(file: string, error: unknown): GaswError {
  if (systemCode(error) === undefined) throw error;
  return new GaswError("FAILURE", `cannot write ${file}: ${messageOf(error)}`, {
    hint: "run this command as a user that may write there",
    cause: error,
  });
}
