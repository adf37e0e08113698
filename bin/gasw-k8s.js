#!/usr/bin/env node
import module from "node:module";

// Keeps compiled code between runs (Node 22 and up).
module.enableCompileCache?.();
await import("../dist/main.js");
