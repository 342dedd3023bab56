import { furtherTargets, type RefusedTotal } from "../run/evidence.ts";
import type { RefusedDial } from "./nft.ts";

/** ◆ What a firewalled run's namespace refused, put together from what the kernel and our resolver counted. */

/** Dials are counted in packets: one that is tried again counts again. */
export function sumDials(seen: { refused: readonly RefusedDial[]; counters: Readonly<Record<string, number>> }): RefusedTotal[] {
  const { refused, counters } = seen;
  const listed = refused.map(({ address, protocol, port, packets }): RefusedTotal => {
    return { rule: "firewall.address", method: protocol.toUpperCase(), target: `${address}:${port}`, times: packets };
  });
  const all = (counters.refused_out ?? 0) + (counters.refused_dns ?? 0);
  const unlisted = all - listed.reduce((sum, { times }) => sum + times, 0);
  const others: RefusedTotal[] = [
    // What is neither TCP nor UDP, and what came when the kernel's list was full.
    { rule: "firewall.other", method: "", target: furtherTargets, times: unlisted },
    { rule: "firewall.ipv6", method: "", target: furtherTargets, times: counters.refused_v6 ?? 0 },
  ];
  return [...listed, ...others].filter(({ times }) => times > 0);
}

/** `lines`: of the resolver's log. Counts only grow, but for the line that says that they began anew. */
export function sumNames(lines: readonly string[]): RefusedTotal[] {
  const names = new Map<string, number>();
  for (const line of lines) {
    const { airlock, name, times } = parseLine(line);
    if (airlock === "refusals-forgotten") names.clear();
    if (!Number.isSafeInteger(times)) continue;
    if (airlock === "name-refused" && typeof name === "string") names.set(name || ".", Number(times));
    if (airlock === "further-names-refused") names.set(furtherTargets, Number(times));
  }
  return [...names].map(([target, times]) => {
    return { rule: "resolver.name", method: target === furtherTargets ? "" : "DNS", target: target.slice(0, 512), times };
  });
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
