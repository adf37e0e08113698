import { appendFileSync } from "node:fs";
import type { Reporter, TestCase } from "vitest/node";

/** Counts what ran, project by project, and names what failed, for the closing lines of the whole test run. */
export default class CountingReporter implements Reporter {
  readonly #counts = new Map<string, { passed: number; failed: number }>();
  readonly #failures: string[] = [];

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state === "pending" || state === "skipped") return;
    const count = this.#counts.get(test.project.name) ?? { passed: 0, failed: 0 };
    count[state]++;
    if (state === "failed") this.#failures.push(`${test.module.relativeModuleId} > ${test.fullName}: ${firstLine(errors[0]?.message)}`);
    this.#counts.set(test.project.name, count);
  }

  onTestRunEnd(_modules: unknown, unhandledErrors: readonly unknown[]): void {
    const file = process.env.GASW_K8S_TEST_COUNTS;
    if (file === undefined) return;
    if (unhandledErrors.length > 0) appendFileSync(file, `run 0 ${unhandledErrors.length}\n`);
    for (const [project, { passed, failed }] of this.#counts) appendFileSync(file, `${project} ${passed} ${failed}\n`);
    for (const failure of this.#failures) appendFileSync(file, `# ${failure}\n`);
  }
}

function firstLine(text = ""): string {
  return text.slice(0, 300).split("\n")[0] ?? "";
}
