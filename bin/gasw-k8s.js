#!/usr/bin/env node
import module from "node:module";

// Keeps compiled code between runs (Node 22 and up).
module.enableCompileCache?.();
const { main } = await import("../dist/main.js");
await main();
