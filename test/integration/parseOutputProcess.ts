/** Parses a job's output: `node parseOutputProcess.mjs DIRECTORY FILE_NAME`; says what it found, and how much memory that took. */
import { readFileSync } from "node:fs";
import { parseOutput } from "../../src/services/output/parse.ts";

const [directory = "", fileName = ""] = process.argv.slice(2);
const { exitCode, inputs, leftOut, warnings } = await parseOutput(directory, fileName, new AbortController().signal);
// Not `maxRSS`, which Linux begins with what the process was forked from.
const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
process.stdout.write(JSON.stringify({ exitCode, inputs: inputs.length, leftOut, warnings, peakMb: peak / 1024 }));
