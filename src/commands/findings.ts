import type { GaswError } from "../errors.ts";
import type { Finding } from "../services/submit/finding.ts";
import type { Io } from "../ui/io.ts";
import { printable } from "../ui/output.ts";

/** Prints one line per finding, and under it what is wrong and what to do about it. */
export function printFindings({ stdout }: Pick<Io, "stdout">, findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ check }) => check.length), "permission".length);
  for (const { result, check, subject, message, hint } of findings.map(findingRecord)) {
    stdout.write(`${result.padEnd(7)}  ${check.padEnd(width)}  ${printable(subject)}\n`);
    if (message !== null) stdout.write(`  ${printable(message)}\n  hint: ${printable(hint ?? "")}\n`);
  }
}

/** A finding, as a program gets it. */
export function findingRecord({ check, subject, problem, isMinor }: Finding) {
  const result = problem === undefined ? "ok" : isMinor === true ? "limited" : "refused";
  return { check, subject, result, message: problem?.message ?? null, hint: problem?.hint ?? null };
}

/** What jobs cannot run with, in the order in which it was found. */
export function problemsIn(findings: readonly Finding[]): GaswError[] {
  return findings.flatMap(({ problem, isMinor }) => (problem && isMinor !== true ? [problem] : []));
}
