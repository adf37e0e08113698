import { open, stat } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import pMap from "p-map";
import type { Context } from "../context.ts";
import type { Workflow } from "../core/job.ts";
import { asGaswError, GaswError, systemCode } from "../errors.ts";
import { isOutage } from "../kubernetes/errors.ts";
import { checkSubmissions } from "../services/submit/checks.ts";
import { type Submitted, Submitter } from "../services/submit/submitter.ts";
import { parseRequestLine } from "./requests.ts";
import { answer, CONCURRENCY, tellEnded } from "./submitted.ts";

/**
 * Reads NDJSON requests and answers each as it is accepted, until the input ends; a bad line fails alone.
 * @returns the first failure's exit code
 */
export async function submitLines(context: Context, workflow: Workflow, from: string): Promise<number> {
  const { createInterface } = await import("node:readline");
  const input = from === "-" ? context.io.stdin : await openRequests(path.resolve(context.io.cwd, from));
  const submitter = new Submitter(context, workflow);
  let exitCode = 0;
  const told = new Set<string>();
  // An engine that submits a script again and again has been told.
  const warnOnce = (warning: string) => {
    if (!told.has(warning)) context.warn(warning);
    told.add(warning);
  };
  const accept = async (line: string, index: number) => {
    if (line.trim() === "") return;
    const lineNumber = index + 1;
    // Whatever goes wrong with one line is that line's answer: the process goes on for the others.
    const result = await submitLine(context, submitter, line, lineNumber, warnOnce).catch(asGaswError);
    if (context.signal.aborted) return;
    if (result instanceof GaswError) {
      exitCode ||= result.exitCode;
      const { code, message, hint } = result;
      const refused = { line: lineNumber, error: { code, message, hint }, transient: isOutage(result) };
      context.io.stdout.write(`${JSON.stringify(refused)}\n`);
    } else {
      const accepted = answer(submitter.workflow, result);
      context.io.stdout.write(`${JSON.stringify({ line: lineNumber, ...accepted })}\n`);
      tellEnded({ warn: warnOnce }, [result]);
    }
  };
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal: context.signal });
  await pMap(lines, accept, { concurrency: CONCURRENCY });
  context.signal.throwIfAborted();
  return exitCode;
}

async function openRequests(file: string): Promise<Readable> {
  const refuse = (why: string, cause?: unknown) =>
    new GaswError("USAGE", `the request file ${file} ${why}`, {
      hint: "pass an NDJSON file, or - for stdin",
      cause,
    });
  const found = await stat(file).catch((cause: unknown) => {
    throw refuse(`cannot be read (${systemCode(cause)})`, cause);
  });
  if (found.isDirectory()) throw refuse("is a directory");
  const handle = await open(file).catch((cause: unknown) => {
    throw refuse(`cannot be read (${systemCode(cause)})`, cause);
  });
  return handle.createReadStream();
}

async function submitLine(
  context: Context,
  submitter: Submitter,
  line: string,
  number: number,
  warnOnce: (warning: string) => void,
): Promise<Submitted> {
  const submission = parseRequestLine(line, number);
  const [checked] = checkSubmissions(context.config, submitter.workflow, [submission], context.io.cwd);
  if (checked === undefined) throw new Error("a checked submission is missing");
  for (const warning of checked.warnings) warnOnce(warning);
  await submitter.confirmPlace();
  return await submitter.submit(checked, submitter.intend(checked));
}
