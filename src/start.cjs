/**
 * Starts the bundled program. Node.js would compile its half a megabyte anew for every process, which an
 * engine starts once per job: the compiled code is kept beside it when it is built. Code of another Node.js
 * version is refused by V8, and the file is then loaded as any other.
 */
"use strict";
const { readFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const vm = require("node:vm");

const file = path.join(__dirname, "hot.cjs");
const cacheFile = path.join(__dirname, "hot.cache");

/** The bundle as a script, from its compiled code where that is given and of this very version. */
function compile(cachedData) {
  return new vm.Script(Module.wrap(readFileSync(file, "utf8")), { filename: file, cachedData });
}

/** Runs the script as the module that the file is, so that chunks which are loaded later find it. */
function evaluate(script) {
  const loaded = new Module(file, /** @type {Module} */ (module));
  loaded.filename = file;
  require.cache[file] = loaded;
  script
    .runInThisContext()
    .call(loaded.exports, loaded.exports, Module.createRequire(file), loaded, file, __dirname);
  return loaded.exports;
}

function readCache() {
  try {
    return readFileSync(cacheFile);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Runs the command line of this process. */
function start() {
  const cachedData = readCache();
  const script = cachedData === undefined ? undefined : compile(cachedData);
  if (script?.cachedDataRejected === false) return evaluate(script).main();
  // Keeps compiled code between runs (Node.js 22 and up).
  /** @type {{ enableCompileCache?: () => void }} */ (Module).enableCompileCache?.();
  return require(file).main();
}

module.exports = { cacheFile, compile, evaluate, start };
