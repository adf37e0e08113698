import type { Context } from "../../context.ts";
import { type Diagnosis, diagnose } from "../../services/debug/diagnose.ts";
import { findTarget, type JobTarget } from "../../services/debug/target.ts";
import type { Io, OutputFormat } from "../../ui/io.ts";
import { printable } from "../../ui/output.ts";

export interface WhyOptions {
  readonly output: OutputFormat;
  readonly workflow?: string;
}

/**
 * `debug why JOB`: one sentence and the remedy.
 * @throws GaswError CLUSTER where that could not be asked, once what is known is printed
 */
export async function why(context: Context, name: string, options: WhyOptions): Promise<number> {
  const { io } = context;
  const target = await findTarget(context, name, { workflow: options.workflow, cwd: io.cwd });
  const diagnosis = await diagnose(context, target);
  print(io, target, diagnosis, options.output);
  if (diagnosis.outdated !== undefined) throw diagnosis.outdated;
  return 0;
}

function print(io: Io, target: JobTarget, diagnosis: Diagnosis, output: OutputFormat): void {
  const { status, cause, sentence: predicate, remedy, evidence } = diagnosis;
  const sentence = `${target.id} ${predicate}`;
  if (output === "json") {
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
    return;
  }
  io.stdout.write(`WHY: ${printable(sentence)}\nremedy: ${printable(remedy)}\n`);
  for (const line of evidence ?? [])
    if (!sentence.includes(line)) io.stdout.write(`  | ${printable(line.trim())}\n`);
}
