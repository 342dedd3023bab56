import { exitCodes } from "../../fault.ts";
import { verifyChain } from "../../secret/chain.ts";
import { plain, plainJson } from "../plain.ts";
import { printTable } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { parseRunsOptions, requireRunId } from "./options.ts";

/** Prints the gateway's record of a run, or recomputes its chain: 1 where a row does not fit. */
export async function printEvidence(options: unknown, terminal: Terminal): Promise<number> {
  const parsed = parseRunsOptions(options);
  const evidence = await parsed.client.evidence(requireRunId(parsed));
  if (parsed.verify) {
    const verdict = verifyChain(evidence.run, evidence.rows, evidence.head);
    if (parsed.json) terminal.out(plainJson({ run: evidence.run, ...verdict }));
    else if (verdict.ok) terminal.out(`${verdict.head.rows} rows fit, digest ${verdict.head.digest}`);
    else terminal.out(plain(`evidence of ${evidence.run} does not fit: ${verdict.why}`));
    return verdict.ok ? exitCodes.done : exitCodes.failed;
  }
  if (parsed.json) {
    terminal.out(plainJson(evidence));
    return exitCodes.done;
  }
  const rows = evidence.rows.map((row) =>
    [
      String(row.seq),
      new Date(row.atMs).toISOString(),
      row.verdict,
      `${row.method} ${row.target}${row.times === undefined ? "" : ` ×${row.times}`}`,
      row.rule,
      String(row.status),
    ].map(plain),
  );
  for (const line of printTable([["#", "TIME", "VERDICT", "REQUEST", "RULE", "STATUS"], ...rows])) terminal.out(line);
  return exitCodes.done;
}
