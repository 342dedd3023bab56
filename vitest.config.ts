import "./test/reporter/no-keys.ts";
import { defineConfig } from "vitest/config";

/** Files of these share the engine, the accounts and the two cores: one at a time, and one kind after the other. */
const serial = (name: string, groupOrder: number, testTimeout = 60_000) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout,
    hookTimeout: 120_000,
    sequence: { groupOrder },
  },
});

export default defineConfig({
  test: {
    reporters: ["default", "./test/reporter/tally.ts"],
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 10_000, sequence: { groupOrder: 1 } } },
      serial("parts", 2),
      // Whole runs, some of which wait for a place.
      serial("journeys", 3, 120_000),
      serial("attacks", 4),
      serial("crash", 5, 450_000),
    ],
  },
});
