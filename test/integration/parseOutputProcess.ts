/** Parses a job's output: `node parseOutputProcess.mjs DIRECTORY FILE_NAME`; says what it found, and how much memory that took. */
import { parseOutput } from "../../src/services/output/parse.ts";

const [directory = "", fileName = ""] = process.argv.slice(2);
const { exitCode, inputs, leftOut, warnings } = await parseOutput(directory, fileName, new AbortController().signal);
const { maxRSS } = process.resourceUsage();
process.stdout.write(JSON.stringify({ exitCode, inputs: inputs.length, leftOut, warnings, maxRssMb: maxRSS / 1024 }));
