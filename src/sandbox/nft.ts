import { execa } from "execa";
import { Fault } from "../fault.ts";
import { parseRange, type Range } from "./ranges.ts";

/** Everything that is said to nft in a namespace, from outside of it. `pid`: any process of the namespace that is ours. */
const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
const limitMs = 15_000;

/** Loads a whole transaction: all of it, or none. Throws Fault "engine.firewall". */
export async function loadRules(pid: number, rules: string): Promise<void> {
  await say(["nsenter", "--target", `${pid}`, "--net", "--", "nft", "-f", "-"], rules);
}

/**
 * Our table as the kernel has it: its text without counts and addresses, and what is in the allowed set. Undefined where there is no such
 * table. Throws Fault "engine.firewall".
 */
export async function readRules(pid: number): Promise<{ text: string; allowed: Range[] } | undefined> {
  const list = (...args: string[]) => say(["nsenter", "--target", `${pid}`, "--net", "--", "nft", ...args]);
  const { nftables } = JSON.parse(await list("-j", "list", "tables")) as {
    nftables: { table?: { family: string; name: string } }[];
  };
  if (!nftables.some(({ table }) => table?.family === "inet" && table.name === "airlock")) return undefined;
  const [text, set] = await Promise.all([
    list("-s", "-t", "list", "table", "inet", "airlock"),
    list("-j", "list", "set", "inet", "airlock", "allowed"),
  ]);
  return { text, allowed: parseElements(set) };
}

/** The text that `readRules` must find where these rules stand: what the kernel makes of them in an empty namespace of their own. */
export async function rehearseRules(rules: string): Promise<string> {
  return say(["unshare", "--net", "--", "sh", "-c", "nft -f - && nft -s -t list table inet airlock"], rules);
}

/** What was dialled and refused, in packets. */
export interface RefusedDial {
  address: string;
  /** "tcp" or "udp". */
  protocol: string;
  port: number;
  packets: number;
}

/** Begins the counts anew. Throws Fault "engine.firewall". */
export async function forgetRefused(pid: number): Promise<void> {
  await loadRules(pid, "flush set inet airlock refused\nreset counters table inet airlock\n");
}

/** What was dialled and refused since the rules stand or it was forgotten, as far as the list's room goes. Throws Fault "engine.firewall". */
export async function readRefused(pid: number): Promise<RefusedDial[]> {
  const text = await say([
    "nsenter",
    "--target",
    `${pid}`,
    "--net",
    "--",
    "nft",
    "-j",
    "list",
    "set",
    "inet",
    "airlock",
    "refused",
  ]);
  return parseRefused(text);
}

/** The counters of the table by name, in packets. */
export async function readCounters(pid: number): Promise<Record<string, number>> {
  const text = await say([
    "nsenter",
    "--target",
    `${pid}`,
    "--net",
    "--",
    "nft",
    "-j",
    "list",
    "counters",
    "table",
    "inet",
    "airlock",
  ]);
  const { nftables } = JSON.parse(text) as { nftables: { counter?: { name: string; packets: number } }[] };
  return Object.fromEntries(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])));
}

async function say([file = "", ...args]: string[], input = ""): Promise<string> {
  try {
    return (await execa(file, args, { env, extendEnv: false, input, timeout: limitMs })).stdout;
  } catch (cause) {
    throw new Fault("engine.firewall", "The firewall of a sandbox cannot be set or read", {
      remedy: "Install nftables and util-linux (apt-get install nftables util-linux), and see that the kernel has nf_tables",
      cause,
    });
  }
}

type Element = string | { range: [string, string] } | { prefix: { addr: string; len: number } };

function parseElements(json: string): Range[] {
  const { nftables } = JSON.parse(json) as { nftables: { set?: { elem?: Element[] } }[] };
  return nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .flatMap((element): Range[] => {
      const ends =
        typeof element === "string"
          ? [element]
          : "range" in element
            ? element.range
            : [`${element.prefix.addr}/${element.prefix.len}`];
      const [first, last = first] = ends.map(parseRange);
      return first && last ? [{ first: first.first, last: last.last }] : [];
    });
}

function parseRefused(json: string): RefusedDial[] {
  type Refused = { elem: { val: { concat: [string, string | number, number] }; counter?: { packets: number } } };
  const { nftables } = JSON.parse(json) as { nftables: { set?: { elem?: Refused[] } }[] };
  return nftables
    .flatMap(({ set }) => set?.elem ?? [])
    .map(({ elem: { val, counter } }) => ({
      address: val.concat[0],
      // A number where the host has no /etc/protocols.
      protocol: { 6: "tcp", 17: "udp" }[Number(val.concat[1])] ?? String(val.concat[1]),
      port: Number(val.concat[2]),
      packets: counter?.packets ?? 0,
    }));
}
