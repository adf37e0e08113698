import { appendFileSync } from "node:fs";
import type { Reporter, TestCase } from "vitest/node";

/** How many of the slowest tests are told. */
const SLOWEST = 20;

/** Counts what ran, project by project, and names what failed and what took longest, for the closing lines of the whole test run (scripts/test.sh). */
export default class CountingReporter implements Reporter {
  readonly #counts = new Map<string, { passed: number; failed: number }>();
  readonly #failures: string[] = [];
  readonly #durations: { readonly milliseconds: number; readonly name: string }[] = [];

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state === "pending" || state === "skipped") return;
    const count = this.#counts.get(test.project.name) ?? { passed: 0, failed: 0 };
    count[state]++;
    const name = `${test.module.relativeModuleId} > ${test.fullName}`;
    if (state === "failed") this.#failures.push(firstLine(`${name}: ${errors[0]?.message}`));
    this.#durations.push({ milliseconds: Math.round(test.diagnostic()?.duration ?? 0), name });
    this.#counts.set(test.project.name, count);
  }

  onTestRunEnd(_modules: unknown, unhandledErrors: readonly unknown[]): void {
    const file = process.env.GASW_K8S_TEST_COUNTS;
    if (file === undefined) return;
    const lines: string[] = [];
    if (unhandledErrors.length > 0) lines.push(`run 0 ${unhandledErrors.length}`);
    for (const [project, { passed, failed }] of this.#counts) lines.push(`${project} ${passed} ${failed}`);
    for (const failure of this.#failures) lines.push(`# ${failure}`);
    const slowest = this.#durations.toSorted((one, other) => other.milliseconds - one.milliseconds).slice(0, SLOWEST);
    for (const { milliseconds, name } of slowest) lines.push(`~ ${milliseconds} ${firstLine(name)}`);
    appendFileSync(file, lines.map((line) => `${line}\n`).join(""));
  }
}

function firstLine(text = ""): string {
  return text.slice(0, 300).split("\n")[0] ?? "";
}
