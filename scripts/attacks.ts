/** Runs the table of attacks: `npm run attacks [-- --filter NAME] [-- --json FILE]`. See docs/security.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { type AttackCase, attackFiles, toCases } from "../test/helpers/attack-list.ts";
import type { AttackResult } from "../test/reporter/attacks.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({ options: { filter: { type: "string" }, json: { type: "string" } } });
process.exitCode = await runAttacks(values);

async function runAttacks({ filter, json }: { filter?: string | undefined; json?: string | undefined }): Promise<number> {
  const all = attackFiles(root);
  const named = filter === undefined ? [] : all.filter((file) => file.includes(filter));
  const pattern = filter === undefined || named.length > 0 ? "\\[\\d+" : `(?=.*\\[\\d+).*${escapeRegExp(filter)}`;
  const results = await runTests(named.length > 0 ? named : all, pattern);
  const cases = toCases(results);
  const open = cases.filter(({ state }) => state === "open");
  // An attempt that was not seen to succeed undefended is no case: it is a check beside them, and must pass as well.
  const held = cases.filter(({ state, control }) => state === "defended" && control === "fell");
  const report = { defended: held.length, open: open.length, further: cases.length - open.length - held.length, cases };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  else process.stdout.write(`${JSON.stringify(report)}\n`);
  for (const { file, name, why } of open) process.stderr.write(`open: ${file}: ${name}${why ? `: ${why}` : ""}\n`);
  if (cases.length === 0) process.stderr.write("no case was run\n");
  process.stdout.write(
    `${closing(held)}, and ${report.further} further checks\n${report.defended} defended, ${report.open} open\n`,
  );
  return open.length > 0 || cases.length === 0 ? 1 : 0;
}

async function runTests(files: string[], pattern: string): Promise<AttackResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "attacks-"));
  const out = join(folder, "results.json");
  try {
    const args = ["run", "--reporter=default", "--reporter=./test/reporter/attacks.ts", "--testNamePattern", pattern, ...files];
    // Its own output goes to stderr: stdout ends with the figure.
    await execa(join(root, "node_modules/.bin/vitest"), args, {
      cwd: root,
      env: { ...process.env, AIRLOCK_ATTACKS: out },
      extendEnv: false,
      stdin: "ignore",
      stdout: process.stderr,
      stderr: process.stderr,
      reject: false,
    });
    return JSON.parse(readFileSync(out, "utf8")) as AttackResult[];
  } catch (error) {
    return [{ file: "", name: "the tests did not come to their end", state: "failed", controlled: false, why: String(error) }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function closing(held: readonly AttackCase[]): string {
  const rows = new Set(held.flatMap(({ rows }) => rows));
  const modes = (["sealed", "firewalled"] as const).map((each) => `${held.filter(({ mode }) => mode === each).length} ${each}`);
  return `${held.length} cases of ${rows.size} rows (${modes.join(", ")}), each beside an undefended control that fell`;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
