/** Required before a program, it leaves the list of the program's files at its end in the file that LOADED_MODULES names. */
"use strict";
process.on("exit", () => {
  require("node:fs").writeFileSync(String(process.env.LOADED_MODULES), JSON.stringify(Object.keys(require.cache)));
});
