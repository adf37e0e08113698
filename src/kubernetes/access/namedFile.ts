import { statSync } from "node:fs";
import { GaswError, systemCode } from "../../errors.ts";
import { readTextFile } from "../../textFile.ts";

/** The token in a file; editors end it with a line break. */
export function readToken(file: string): string {
  const token = readNamed(file, "k8sTokenFile").trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new GaswError(
    "CONFIG",
    `${file} ${token === "" ? "is empty" : "does not contain exactly one token"}`,
    {
      hint: "write only the bearer token into it: kubectl create token ACCOUNT -n NAMESPACE",
    },
  );
}

/**
 * Reads a file that a key names.
 * @throws GaswError CONFIG
 */
export function readNamed(file: string, key: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    const code = systemCode(cause) ?? "";
    const words: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EISDIR: "is a directory",
      EACCES: "cannot be read by this user",
    };
    throw new GaswError("CONFIG", `${file} ${words[code] ?? `cannot be read (${code})`}`, {
      hint: `${key} must be a readable file`,
      cause,
    });
  }
}

/** Whether there is something of this name. */
export function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}
