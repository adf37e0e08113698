import { realpathSync } from "node:fs";
import path from "node:path";

/**
 * Whether two absolute paths name one directory: links in them count for nothing, and the directory may be
 * gone already.
 */
export function isSameDirectory(one: string, other: string): boolean {
  return one === other || realPath(one) === realPath(other);
}

/** An absolute path with its links followed, as far as it can be. */
export function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // Gone, or not to be looked at: its parents may have been reached through a link all the same.
    const parent = path.dirname(file);
    return parent === file ? file : path.join(realPath(parent), path.basename(file));
  }
}

/**
 * The current directory as the user has it before them: `$PWD`, which may lead through links, where it is
 * that directory.
 * @param real the current directory with its links followed
 */
export function spelledDirectory(real: string, pwd: string | undefined): string {
  if (pwd === undefined || !path.isAbsolute(pwd)) return real;
  const spelled = path.resolve(pwd);
  return realPath(spelled) === real ? spelled : real;
}
