import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // End-to-end tests start real processes: each file alone, with time to do it.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
  },
});
