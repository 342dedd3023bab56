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
  /** Where the same attempt is shown to succeed: "file", or "none" where the test needs no other than its input. */
  control: "file" | "none";
  why?: string;
}

/** Test files that try rows of the table, from the root. */
export function attackFiles(root: string): string[] {
  return globSync("test/{attacks,parts,journeys,unit}/**/*.test.ts", { cwd: root })
    .filter((file) => rowInSource.test(readFileSync(join(root, file), "utf8")))
    .sort();
}

/** Numbers in brackets: "[13]", "[33][34]". */
export function rowsOf(name: string): number[] {
  return [...name.matchAll(/\[(\d{1,2})\]/g)].map(([, row]) => Number(row));
}

const rowInSource = /["`]\[\d{1,2}\]/;

/** A case that was skipped proves nothing, so it is open. Tests without a number are none of the table's, and fail only their own suite. */
export function toCases(root: string, results: readonly AttackResult[]): AttackCase[] {
  const controlled = new Map<string, boolean>();
  const hasControl = (file: string): boolean => {
    const known = controlled.get(file) ?? /\bcontrol/i.test(readFileSync(join(root, file), "utf8"));
    controlled.set(file, known);
    return known;
  };
  return results.flatMap(({ file, name, state, why }) => {
    const rows = rowsOf(name);
    // What failed outside of a numbered case may have been what the cases stand on.
    if (rows.length === 0 && state !== "failed") return [];
    return [
      {
        ...{ file, name, rows },
        mode: /firewall/i.test(`${file} ${name}`) ? ("firewalled" as const) : ("sealed" as const),
        state: state === "passed" ? ("defended" as const) : ("open" as const),
        control: file !== "" && hasControl(file) ? ("file" as const) : ("none" as const),
        ...(why !== undefined && { why }),
      },
    ];
  });
}
