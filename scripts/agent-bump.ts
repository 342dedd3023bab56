/**
 * `npm run agent:bump -- VERSION [--write]`: what another version of Claude Code would ask the model API that the pinned one does not.
 * Plays the same scenarios in the same sandbox, without network, and compares the shapes of all requests with shapes.json.
 * Exit code 1: they differ, or the gateway's policy would refuse one of them. `--write` takes the version: shapes, samples and pins.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { decideBetas } from "../src/gateway/model/betas.ts";
import { decideBody } from "../src/gateway/model/policy.ts";
import { openEngine } from "../src/sandbox/engine.ts";
import { ensureSandboxImage } from "../src/sandbox/image.ts";
import { childEnvironment } from "../src/settings.ts";
import { imageOf, pinnedVersion } from "./agent/image.ts";
import { playScenario } from "./agent/play.ts";
import { samplesOf } from "./agent/sample.ts";
import { scenarios } from "./agent/scenarios.ts";
import { compareShapes, type RecordedRequest, shapesOf } from "./agent/shape.ts";

const root = join(import.meta.dirname, "..");
const shapesFile = join(root, "src/gateway/model/shapes.json");
const samplesFile = join(root, "test/fixtures/agent/model-requests.json");
const say = (line: string) => process.stderr.write(`${line}\n`);

const [version = "", ...flags] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+$/.test(version) || flags.some((flag) => flag !== "--write")) {
  say("usage: npm run agent:bump -- VERSION [--write]");
  process.exit(2);
}

const env = childEnvironment();
const engine = await openEngine();
const cacheFolder = join(root, ".tools/sandbox");
const { architecture } = engine.info;
const pinned = await ensureSandboxImage({ engine, architecture, cacheFolder, environment: env, onProgress: say });
const imageId = await imageOf({ engine, version, base: pinned, cacheFolder: join(root, ".tools/agents"), env, say });

const requests: RecordedRequest[] = [];
for (const scenario of scenarios) {
  const asked = await playScenario({ engine, imageId, env }, scenario);
  say(`${scenario.name}: ${asked.length} requests`);
  requests.push(...asked);
}
const shapes = shapesOf(requests);
const known = JSON.parse(await readFile(shapesFile, "utf8").catch(() => '{"shapes":[]}')) as { shapes: string[] };
const { added, gone } = compareShapes(known.shapes, shapes);
for (const line of added) process.stdout.write(`+ ${line}\n`);
for (const line of gone) process.stdout.write(`- ${line}\n`);
const refusals = new Set(requests.flatMap(findRefusal));
for (const refusal of refusals) process.stdout.write(`! the gateway would refuse: ${refusal}\n`);

if (flags.includes("--write")) {
  await writeFile(shapesFile, `${JSON.stringify({ claudeCode: version, shapes }, null, 2)}\n`);
  await writeFile(
    samplesFile,
    `[\n${samplesOf(requests)
      .map((each) => JSON.stringify(each))
      .join(",\n")}\n]\n`,
  );
  if (version !== (await pinnedVersion(root))) await pin(version);
  say(`Taken: ${version}. Look through the difference of shapes.json, body.ts and betas.ts before you commit it.`);
}
const same = added.length === 0 && gone.length === 0 && refusals.size === 0;
say(same ? `Claude Code ${version} asks what is known` : `Claude Code ${version} differs from what is known`);
process.exitCode = same ? 0 : 1;

function findRefusal({ target, rawHeaders, body }: RecordedRequest): string[] {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "anthropic-beta");
  const betas = decideBetas(at < 0 ? undefined : rawHeaders[at + 1]);
  const decision = decideBody(body, {}, target.includes("/count_tokens") ? "count" : "messages");
  const dropped = betas.allowed ? betas.dropped.map((beta) => `beta ${beta} (it would be taken out)`) : [betas.why];
  return [...dropped, ...(decision.allowed ? [] : [`${decision.rule} ${decision.why.replaceAll(/\[\d+\]/g, "[]")}`])];
}

/** Both processors' packages, and their lock file. */
async function pin(taken: string): Promise<void> {
  const manifest = join(root, "sandbox/package.json");
  const before = await readFile(manifest, "utf8");
  await writeFile(manifest, before.replaceAll(/("@anthropic-ai\/claude-code-linux-[a-z0-9]+": ")[^"]+/g, `$1${taken}`));
  const lock = ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"];
  await execa("npm", lock, { cwd: join(root, "sandbox"), env, extendEnv: false, stdin: "ignore" });
}
