import { availableParallelism } from "node:os";
import "./test/reporter/no-keys.ts";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/reporter/longest-first.ts";

export default defineConfig({
  test: {
    reporters: ["default", "./test/reporter/suppressed.ts", "./test/reporter/tally.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          isolate: false,
          include: ["test/unit/**/*.test.ts"],
          testTimeout: 10_000,
          // All of a small machine too: by itself it leaves a core unused.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // Whole programs on the real engine, some of which wait for a place.
          name: "whole",
          include: ["test/{parts,journeys,attacks,crash}/**/*.test.ts"],
          // A process for many files, which then compiles everything but once.
          isolate: false,
          // One more than there are cores: one of them has a test that mostly waits, by their order. Two more end no sooner.
          maxWorkers: Math.min(availableParallelism() + 1, 4),
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
