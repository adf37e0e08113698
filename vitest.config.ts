import { defineConfig } from "vitest/config";

const reporters = ["default", "./test/reporter.ts"];

export default defineConfig({
  test: {
    reporters,
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 20_000 } },
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "package", include: ["test/package/**/*.test.ts"] } },
      {
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
