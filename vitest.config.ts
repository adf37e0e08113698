import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import Sequencer from "./test/sequencer.ts";

const reporters = ["default", "./test/reporter.ts"];

/** For the order in which tests run: any, and the same again for the same seed (scripts/test.sh tells it). */
const seed = process.env.GASW_K8S_TEST_SEED;

/** On a busy machine; on a quiet one no test comes near it. In milliseconds. */
const PATIENCE = 600_000;

/** What tests reach of `src/` in their own process, in percent, rounded down (of the end-to-end tests to a percent less: what they meet varies): it may rise, and is then raised here, but never falls. */
const REACHED = {
  withoutCluster: { statements: 89, branches: 83, functions: 91, lines: 90 },
  endToEnd: { statements: 72, branches: 61, functions: 76, lines: 74 },
};

const SERVERS = ["test/integration/dao/{postgres,mariadb,h2-*,jdbcFaults,jdbcServers}.test.ts"];

/** Whole commands on a cluster in the tests' own process; all of them run on a real one, too, where everything is run. */
const LOCAL = ["test/local/**/*.test.ts"];
const LOCAL_SERVERS = ["test/local/{daoServers,daoH2,engine,engineJson}.test.ts"];
const local = { globalSetup: ["test/local/setup.ts"], isolate: false };

/** Shell scripts are imported as their text, as the bundler has it. */
const shellScripts = {
  name: "shell-scripts",
  load: (id: string) => (id.endsWith(".sh") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))};` : undefined),
};

export default defineConfig({
  plugins: [shellScripts],
  test: {
    reporters,
    experimental: { fsModuleCache: true, fsModuleCachePath: ".cache/vitest" },
    sequence: { sequencer: Sequencer, ...(seed === undefined ? {} : { shuffle: { tests: true }, seed: Number(seed) }) },
    testTimeout: PATIENCE,
    hookTimeout: PATIENCE,
    expect: { poll: { timeout: PATIENCE / 4 } },
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      reportsDirectory: ".cache/coverage",
      thresholds: process.argv.includes("e2e") ? REACHED.endToEnd : REACHED.withoutCluster,
    },
    // Vitest leaves one core to itself, which it hardly uses; and some files wait for processes while others keep a core busy.
    maxWorkers: availableParallelism() + 1,
    projects: [
      { extends: true, test: { name: "unit", include: ["test/unit/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "integration", include: ["test/integration/**/*.test.ts"], exclude: SERVERS, isolate: false } },
      // Database servers, started by the tests: they need packages of the distribution.
      { extends: true, test: { name: "databases", include: SERVERS } },
      { extends: true, test: { name: "package", include: ["test/package/**/*.test.ts"] } },
      { extends: true, test: { name: "local", include: LOCAL, exclude: LOCAL_SERVERS, ...local } },
      { extends: true, test: { name: "local-databases", include: LOCAL_SERVERS, ...local } },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts", ...(process.env.CI_FULL === "1" ? LOCAL : [])],
          globalSetup: ["test/e2e/setup.ts"],
          // Most of a test's time is the cluster's: more files at once than cores.
          maxWorkers: 6,
          // The program is loaded once a worker, not once a file: it keeps nothing between two command lines.
          isolate: false,
        },
      },
    ],
  },
});
