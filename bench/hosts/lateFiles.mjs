// Preloaded into a host's programs (node --import): what pods write is seen late, or without its end, as over an NFS client that keeps
// attributes and missing names in a cache. How late, the host and the file decide.
import { createHash } from "node:crypto";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";

const { LATE_FILES_ROOT: root = "/", LATE_FILES_HOST: host = "", LATE_FILES_LOG: log, LATE_FILES_DELAY: fixed } = process.env;
/** Seconds that a file is late by at most: an NFS client keeps attributes and missing names for a minute (acregmax, acdirmax). */
const MOST_SECONDS = 60;
/** Bytes that are missing from a file that is seen without its end. */
const MISSING_BYTES = 40;
const STREAM = /^[^/]+\/(out|err)\/[^/]+\.sh\.(out|err)$/;
const RECORD = /^[^/]+\/\.gasw-k8s\/end\/[^/]+$/;

const real = { ...fs };
const told = new Set();

/** Where a path leads; the program names what it holds open by its descriptor. */
function placeOf(file) {
  const given = file instanceof Buffer ? file.toString() : file;
  if (typeof given !== "string") return undefined;
  const held = /^\/proc\/self\/fd\/\d+/.exec(given)?.[0];
  try {
    return held === undefined ? path.resolve(given) : real.readlinkSync(held) + given.slice(held.length);
  } catch {
    return undefined;
  }
}

/** @returns {"hidden" | "cut" | undefined} how a file is seen now */
function lateness(file) {
  const place = placeOf(file);
  const name = place?.startsWith(`${root}/`) ? path.relative(root, place) : "";
  // What the program writes itself it sees at once.
  if ((!STREAM.test(name) || /\.app\.(out|err)$/.test(name)) && !RECORD.test(name)) return undefined;
  const found = real.statSync(`${place}`, { throwIfNoEntry: false });
  const [share = 0, kind = 0] = createHash("sha256").update(`${host}/${name}`).digest();
  const delay = fixed === undefined ? (share / 255) * MOST_SECONDS : Number(fixed);
  if (found === undefined || Date.now() >= found.mtimeMs + delay * 1000) return undefined;
  // A record is one line, which is written at once.
  const mode = kind % 2 === 0 || RECORD.test(name) ? "hidden" : "cut";
  if (log !== undefined && !told.has(name)) real.appendFileSync(log, `${host} ${mode} ${name}\n`);
  told.add(name);
  return mode;
}

function absent(call, file) {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${call} '${file}'`), { code: "ENOENT", errno: -2, syscall: call });
}

function shortened(stat, mode) {
  if (mode === "cut" && stat !== undefined) stat.size = Math.max(0, Number(stat.size) - MISSING_BYTES);
  return stat;
}

for (const call of ["statSync", "lstatSync"]) {
  fs[call] = (file, options) => {
    const mode = lateness(file);
    if (mode !== "hidden") return shortened(real[call](file, options), mode);
    if (options?.throwIfNoEntry === false) return undefined;
    throw absent(call.slice(0, -"Sync".length), file);
  };
}
for (const call of ["accessSync", "realpathSync", "readFileSync"]) {
  fs[call] = Object.assign((file, ...rest) => {
    if (lateness(file) === "hidden") throw absent(call.slice(0, -"Sync".length), file);
    return real[call](file, ...rest);
  }, real[call]);
}
fs.existsSync = (file) => lateness(file) !== "hidden" && real.existsSync(file);
fs.openSync = (file, flags, ...rest) => {
  const isReading = flags === undefined || flags === "r" || (typeof flags === "number" && (flags & 3) === fs.constants.O_RDONLY);
  if (isReading && lateness(file) === "hidden") throw absent("open", file);
  return real.openSync(file, flags, ...rest);
};
fs.fstatSync = (fd, options) => shortened(real.fstatSync(fd, options), lateness(`/proc/self/fd/${fd}`));
/** @type {any} */ (fs).readdirSync = (folder, options) => {
  /** @type {any[]} */
  const names = real.readdirSync(folder, options);
  return names.filter((entry) => lateness(path.join(`${folder}`, `${entry.name ?? entry}`)) !== "hidden");
};
syncBuiltinESMExports();
