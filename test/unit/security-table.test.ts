import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attackFiles, rowsOf, toCases } from "../helpers/attack-list.ts";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/security.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, number = "", attempt = "", defence = "", tests = ""]) => ({ number: Number(number), attempt, defence, tests }));
const testsOf = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");

describe("the table of attacks in docs/security.md", () => {
  it("has each row once, in order, with an attempt and a defence", () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: rows.length }, (_, index) => index + 1));
    expect(rows.filter(({ attempt, defence }) => !attempt || !defence)).toEqual([]);
    expect(rows).toHaveLength(82);
  });

  it("names tests that exist and try that very row, or says that there is none", () => {
    for (const { number, tests } of rows) {
      const names = testsOf(tests);
      if (names.length === 0) expect(tests).toBe("none yet");
      for (const name of names) {
        const path = join(root, "test", `${name}.test.ts`);
        expect(existsSync(path), path).toBe(true);
        expect(readFileSync(path, "utf8"), `row ${number}`).toMatch(new RegExp(`["\`](?:\\[\\d+\\])*\\[${number}\\]`));
      }
    }
  });

  it("has a row for each number that a test carries", () => {
    const known = new Set(rows.map(({ number }) => number));
    const carried = attackFiles(root).flatMap((file) =>
      rowsOf(
        readFileSync(join(root, file), "utf8")
          .match(/["`](?:\[\d{1,2}\])+/g)
          ?.join("") ?? "",
      ),
    );
    expect(carried.length).toBeGreaterThan(50);
    expect(carried.filter((number) => !known.has(number))).toEqual([]);
  });
});

describe("the count of attacks", () => {
  const result = { file: "docs/security.md", name: "x [7] y", state: "passed", controlled: true } as const;
  it("takes only what passed for defended", () => {
    expect(toCases([result]).map(({ state, rows }) => [state, rows])).toEqual([["defended", [7]]]);
    expect(toCases([{ ...result, state: "failed" }])[0]?.state).toBe("open");
    expect(toCases([{ ...result, state: "skipped" }])[0]?.state).toBe("open");
  });

  it("counts a control only where the test itself says that it fell, and the mode by its name", () => {
    expect(toCases([result])[0]).toMatchObject({ control: "fell", mode: "sealed" });
    expect(toCases([{ ...result, controlled: false, name: "firewalled [7] y" }])[0]).toMatchObject({
      control: "none",
      mode: "firewalled",
    });
  });

  it("leaves out what has no number, unless it failed", () => {
    expect(toCases([{ ...result, name: "no row" }])).toEqual([]);
    expect(toCases([{ ...result, file: "", name: "no row", state: "failed" }])).toMatchObject([{ state: "open" }]);
  });
});
