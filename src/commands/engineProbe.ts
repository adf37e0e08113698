/** `engine probe`. */
import path from "node:path";
import type { Context } from "../context.ts";
import { GaswError } from "../errors.ts";
import { readEngine } from "../services/engine/engineFolder.ts";
import { probe, workflowsLocation } from "../services/engine/probe.ts";
import type { Finding } from "../services/submit/finding.ts";
import type { OutputFormat } from "../ui/io.ts";
import { progress } from "../ui/progress.ts";
import { findingRecord, printFindings, problemsIn } from "./findings.ts";
import { parseOptions, type StatedOptions } from "./requests.ts";

export interface ProbeCommandOptions extends StatedOptions {
  readonly output: OutputFormat;
  /** The engine's directory, where its settings are to be taken into account. */
  readonly engine?: string | undefined;
  /** Seconds. */
  readonly waitTimeout?: number;
}

/**
 * Runs the probe job and says what was found.
 * @throws GaswError CONFIG where the directory is not an engine's; the first problem that keeps GASW's jobs from doing their work
 */
export async function engineProbe(context: Context, options: ProbeCommandOptions): Promise<number> {
  const { io } = context;
  const request = parseOptions(options);
  const engine =
    options.engine === undefined ? undefined : readEngine(path.resolve(io.cwd, options.engine), io.env);
  const line = await progress(io, { text: "waiting for the probe job" }, options);
  const findings = await probe(context, {
    location: workflowsLocation(context.config, io.cwd),
    settings: engine?.settings,
    request,
    timeout: options.waitTimeout,
    onWait: (text) => line.update({ text }),
  }).finally(() => line.stop());
  const refusal = refusalOf(findings);
  if (options.output === "json") {
    const answer = { ok: refusal === undefined, checks: findings.map(findingRecord) };
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  } else printFindings(io, findings);
  if (refusal !== undefined) throw refusal;
  return 0;
}

function refusalOf(findings: readonly Finding[]): GaswError | undefined {
  const [first] = problemsIn(findings);
  if (first === undefined) return undefined;
  return new GaswError(first.code, `not ready for GASW's jobs: ${first.message}`, {
    hint: "see each line above for what to do, then run `gasw-k8s engine probe` again",
    cause: first,
  });
}
