import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: "./support/global-setup.ts",
    setupFiles: "./support/setup.ts",
    // One database for each worker, shared by its files: every test makes a workspace of its own.
    pool: "forks",
    isolate: false,
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
