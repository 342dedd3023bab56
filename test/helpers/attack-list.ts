import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AttackResult } from "../reporter/attacks.ts";

/** One attempt of the table of attacks, and how it ended. */
export interface AttackCase {
  file: string;
  name: string;
  /** Numbers of the rows in docs/security.md that it tries. */
  rows: number[];
  mode: "sealed" | "firewalled";
  state: "defended" | "open";
  /** "fell": the test saw the same attempt succeed where nothing defends, and said so. "none": it did not say so. */
  control: "fell" | "none";
  why?: string;
}

/** Test files that try rows of the table, from the root. */
export function attackFiles(root: string): string[] {
  return globSync("test/{attacks,crash,parts,journeys,unit}/**/*.test.ts", { cwd: root })
    .filter((file) => rowInSource.test(readFileSync(join(root, file), "utf8")))
    .sort();
}

/** Numbers in brackets: "[13]", "[33][34]". */
export function rowsOf(name: string): number[] {
  return [...name.matchAll(/\[(\d{1,2})\]/g)].map(([, row]) => Number(row));
}

const rowInSource = /["`]\[\d{1,2}\]/;

/** A case that was skipped proves nothing, so it is open. Tests without a number are none of the table's, and fail only their own suite. */
export function toCases(results: readonly AttackResult[]): AttackCase[] {
  return results.flatMap(({ file, name, state, controlled, why }) => {
    const rows = rowsOf(name);
    // What failed outside of a numbered case may have been what the cases stand on.
    if (rows.length === 0 && state !== "failed") return [];
    return [
      {
        ...{ file, name, rows },
        mode: modeOf(`${file} ${name}`),
        state: state === "passed" ? ("defended" as const) : ("open" as const),
        control: controlled ? ("fell" as const) : ("none" as const),
        ...(why !== undefined && { why }),
      },
    ];
  });
}

/** As file, describe or name say it: test/attacks runs what is about the sandbox as such once for each mode, and names it. */
function modeOf(said: string): AttackCase["mode"] {
  return /\bfirewalled\b/.test(said) ? "firewalled" : "sealed";
}
