import type { Context } from "../../context.ts";
import { diagnose } from "../../services/debug/diagnose.ts";
import { findTarget } from "../../services/debug/target.ts";
import type { OutputFormat } from "../../ui/io.ts";
import { printable } from "../../ui/output.ts";

export interface WhyOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
}

/** `debug why JOB`: one sentence and the remedy. */
export async function why(context: Context, name: string, options: WhyOptions): Promise<number> {
  const { io } = context;
  const target = await findTarget(context, name, { workflow: options.workflow, cwd: io.cwd });
  const { status, cause, sentence: predicate, remedy, evidence } = await diagnose(context, target);
  const sentence = `${target.id} ${predicate}`;
  if (options.output === "json") {
    const answer = {
      job: target.id,
      workflow: target.workflow,
      namespace: target.namespace,
      status,
      cause,
      sentence,
      remedy,
      evidence: evidence ?? [],
    };
    io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return 0;
  }
  io.stdout.write(`WHY: ${printable(sentence)}\nremedy: ${printable(remedy)}\n`);
  for (const line of evidence ?? [])
    if (!sentence.includes(line)) io.stdout.write(`  | ${printable(line.trim())}\n`);
  return 0;
}
