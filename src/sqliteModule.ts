import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import Database from "better-sqlite3";
import { GaswError, messageOf, systemCode } from "./errors.ts";

const PACKAGE = "better-sqlite3";
/**
 * The native part by its very path: the package's own search for it would cost every command as much as
 * opening the file does.
 */
const NATIVE_PART = `${PACKAGE}/build/Release/better_sqlite3.node`;

const resolver = createRequire(import.meta.url);
let nativeBinding: string | undefined;

/**
 * Loads the native part, which what needs no database works without; to be called before this process becomes
 * another user for a while, who may not read the program.
 * @throws GaswError FAILURE where it can't be loaded
 */
export function loadSqlite(): string {
  nativeBinding ??= loadedNativePart();
  return nativeBinding;
}

/**
 * Opens an SQLite file.
 * @throws GaswError FAILURE where the module can't be loaded; the driver's error
 */
export function openSqlite(file: string | Buffer, options: Database.Options = {}): Database.Database {
  return new Database(file, { ...options, nativeBinding: loadSqlite() });
}

function loadedNativePart(): string {
  try {
    const file = resolver.resolve(NATIVE_PART);
    // The driver would load it too late to tell a module that can't be loaded from a file that can't be opened.
    resolver(file);
    return file;
  } catch (error) {
    throw brokenModule(error);
  }
}

/** What the system's loader says, and what that means. */
const MEANINGS: readonly (readonly [said: RegExp, what: string])[] = [
  [
    /NODE_MODULE_VERSION|did not self-register/,
    `it was built for a version of Node.js other than this ${process.version}`,
  ],
  [/musl|GLIBC|libc\.|ld-linux|GLIBCXX/, "it was built for another C library (glibc or musl)"],
  [
    /invalid ELF header|wrong ELF class|file too short|Exec format|mach-o|architecture/i,
    "it is damaged, or was built for another system",
  ],
  [/permission denied/i, "this user cannot read it"],
  [/failed to map segment/, "its file system is mounted with noexec"],
];

function brokenModule(cause: unknown): GaswError {
  const folder = packageFolder();
  if (folder === undefined)
    return new GaswError("FAILURE", `the SQLite module ${PACKAGE} is not installed`, {
      hint: "install gasw-k8s again with its dependencies, as docs/getting-started.md says",
      cause,
    });
  const said = messageOf(cause).split("\n").join(" ");
  const what =
    systemCode(cause) === "MODULE_NOT_FOUND"
      ? "it was not compiled when it was installed"
      : (MEANINGS.find(([pattern]) => pattern.test(said))?.[1] ?? said);
  return new GaswError("FAILURE", `the SQLite module ${PACKAGE} cannot be loaded: ${what}`, {
    hint: `run \`npm rebuild ${PACKAGE}\` in ${path.resolve(folder, "../..")}, as a user who can write there`,
    cause,
  });
}

/** Where the package is; undefined where it is not installed. */
function packageFolder(): string | undefined {
  const places = resolver.resolve.paths(PACKAGE) ?? [];
  return places
    .map((place) => path.join(place, PACKAGE))
    .find((folder) => existsSync(path.join(folder, "package.json")));
}
