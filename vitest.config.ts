import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const reporters = ["default", "./test/reporter.ts"];

const SERVERS = ["test/integration/dao/{postgres,mariadb,h2-*,jdbcFaults,jdbcServers}.test.ts"];

/** Shell scripts are imported as their text, as the bundler has it. */
const shellScripts = {
  name: "shell-scripts",
  load: (id: string) => (id.endsWith(".sh") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))};` : undefined),
};

export default defineConfig({
  plugins: [shellScripts],
  test: {
    reporters,
    // Vitest leaves one core to itself, which it hardly uses.
    maxWorkers: availableParallelism(),
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 20_000 } },
      { extends: true, test: { name: "integration", include: ["test/integration/**/*.test.ts"], exclude: SERVERS, testTimeout: 60_000 } },
      // Database servers, started by the tests: they need packages of the distribution.
      { extends: true, test: { name: "databases", include: SERVERS, testTimeout: 60_000, hookTimeout: 120_000 } },
      { extends: true, test: { name: "package", include: ["test/package/**/*.test.ts"] } },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Most of a test's time is the cluster's: more files at once than cores.
          maxWorkers: 4,
        },
      },
    ],
  },
});
