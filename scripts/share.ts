/** Two workers share runs, one is killed: `npm run share -- --runs 100 [--places N] [--json]`. */
import { parseArgs } from "node:util";
import { shareRuns } from "../test/crash/share.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "100" }, places: { type: "string", default: "3" }, json: { type: "boolean" } },
});
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
const verdict = await shareRuns({
  ...{ runs: Number(values.runs), placesEach: Number(values.places), signal: stop.signal },
  onLine: (line) => void process.stderr.write(`${line}\n`),
});
for (const fault of verdict.faults) process.stderr.write(`${fault}\n`);
process.stdout.write(`${JSON.stringify({ ...verdict, faults: verdict.faults.length })}\n`);
const holds = verdict.succeeded === verdict.runs && verdict.duplicated + verdict.liveTokens === 0;
process.exitCode = holds ? 0 : 1;
