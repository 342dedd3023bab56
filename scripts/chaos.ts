/** Kills the App again and again: `npm run chaos -- --kills 200 --json [--seed N] [--store pglite|postgres|both] [--at-once N] [--keep]`. */
import { parseArgs } from "node:util";
import { runChaos } from "../test/crash/chaos.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    seed: { type: "string" },
    store: { type: "string", default: "both" },
    "at-once": { type: "string", default: "3" },
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const kills = Number(values.kills);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const stores = values.store === "both" ? (["pglite", "postgres"] as const) : [values.store as "pglite" | "postgres"];
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
const say = (line: string) => void process.stderr.write(`${line}\n`);
say(`seed ${seed}`);

const total = { kills: 0, lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, lostMints: 0, survived: 1 };
for (const [at, store] of stores.entries()) {
  const share = Math.ceil((kills * (at + 1)) / stores.length) - Math.ceil((kills * at) / stores.length);
  const verdict = await runChaos({
    ...{ kills: share, seed: seed + at, store, atOnce: Number(values["at-once"]), keep: values.keep },
    signal: stop.signal,
    onLine: (line) => say(`${store}: ${line}`),
  });
  for (const fault of verdict.faults) say(`${store}: ${fault}`);
  say(`${store}: ${JSON.stringify({ ...verdict, faults: verdict.faults.length })}`);
  for (const name of ["kills", "lost", "duplicated", "orphans", "liveTokens", "lostMints"] as const) total[name] += verdict[name];
  total.survived = Math.min(total.survived, verdict.survived);
}
process.stdout.write(`${JSON.stringify(total)}\n`);
const holds = total.lost + total.duplicated + total.orphans + total.liveTokens === 0 && total.survived >= 0.95;
process.exitCode = holds ? 0 : 1;
