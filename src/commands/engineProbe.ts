/** `engine probe`. */
import type { Context } from "../context.ts";
import { GaswError } from "../errors.ts";
import { probe, workflowsLocation } from "../services/engine/probe.ts";
import type { Finding } from "../services/submit/finding.ts";
import type { OutputFormat } from "../ui/io.ts";
import { progress } from "../ui/progress.ts";
import { findingRecord, printFindings, problemsIn } from "./findings.ts";
import { parseOptions, type StatedOptions } from "./requests.ts";

export interface ProbeCommandOptions extends StatedOptions {
  readonly output: OutputFormat;
  /** Seconds. */
  readonly waitTimeout?: number;
}

/**
 * Runs the probe job and says what was found.
 * @throws GaswError the first problem that keeps GASW's jobs from doing their work
 */
export async function engineProbe(context: Context, options: ProbeCommandOptions): Promise<number> {
  const { io } = context;
  const request = parseOptions(options);
  const line = await progress(io, { text: "waiting for the probe job" }, options);
  const findings = await probe(context, {
    location: workflowsLocation(context.config, io.cwd),
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
