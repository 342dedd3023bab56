/**
 * Kills the App, and whatever it works with, again and again:
 * `npm run chaos -- --kills 200 --json [--seed N] [--store pglite|postgres|both] [--engine own|machine] [--at-once N] [--keep]`.
 */
import { parseArgs } from "node:util";
import { openEngine } from "../src/sandbox/engine.ts";
import { childEnvironment } from "../src/settings.ts";
import { ensureMachine } from "../src/setup/machine.ts";
import { runChaos } from "../test/crash/chaos.ts";
import { openSecondEngine } from "../test/helpers/second-engine.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    seed: { type: "string" },
    store: { type: "string", default: "both" },
    engine: { type: "string", default: "own" },
    "at-once": { type: "string", default: "3" },
    json: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const kills = Number(values.kills);
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
const stores = values.store === "both" ? (["pglite", "postgres"] as const) : [values.store as "pglite" | "postgres"];
const stop = new AbortController();
// Each time: npm passes on what it gets, and the second must not end what the first lets come to its end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
const say = (line: string) => void process.stderr.write(`${line}\n`);
say(`seed ${seed}`);

await using held = new AsyncDisposableStack();
// The engine that is there is others' as well: one that is killed is made for it.
const second = values.engine === "own" ? held.use(await openOwnEngine()) : undefined;
const total = { kills: 0, lost: 0, duplicated: 0, orphans: 0, liveTokens: 0, lostMints: 0, survived: 1 };
let holds = true;
for (const [at, store] of stores.entries()) {
  const share = Math.ceil((kills * (at + 1)) / stores.length) - Math.ceil((kills * at) / stores.length);
  const verdict = await runChaos({
    ...{ kills: share, seed: seed + at, store, atOnce: Number(values["at-once"]), keep: values.keep },
    ...(second && { second }),
    signal: stop.signal,
    onLine: (line) => say(`${store}: ${line}`),
  });
  for (const fault of verdict.faults) say(`${store}: ${fault}`);
  say(`${store}: ${JSON.stringify({ ...verdict, faults: verdict.faults.length })}`);
  for (const name of ["kills", "lost", "duplicated", "orphans", "liveTokens", "lostMints"] as const) total[name] += verdict[name];
  total.survived = Math.min(total.survived, verdict.survived);
  holds &&= verdict.faults.length === 0;
}
process.stdout.write(`${JSON.stringify(total)}\n`);
holds &&= total.lost + total.duplicated + total.orphans + total.liveTokens === 0 && total.survived >= 0.95;
process.exitCode = holds ? 0 : 1;

async function openOwnEngine() {
  const { image } = await ensureMachine({ provision: false, env: childEnvironment(), signal: stop.signal });
  say("starting an engine of its own");
  return openSecondEngine({ from: await openEngine(), imageId: image.tag });
}
