import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../fault.ts";
import { type Engine, openEngine } from "../sandbox/engine.ts";
import type { SandboxImage } from "../sandbox/image.ts";
import type { OwnImage } from "../sandbox/own-image.ts";
import { ensureUidsFree } from "../sandbox/uids.ts";
import { decideProvision } from "./decide-provision.ts";
import { observeMachine } from "./observe-machine.ts";
import { performProvision, titleOf } from "./perform-provision.ts";
import { type LongStep, runSteps } from "./steps.ts";

export interface MachineOptions {
  /** Whether what is missing may be installed and started. */
  provision: boolean;
  /** For child processes: `childEnvironment()` of the settings. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  /** Where npm packages and build contexts of the image are kept. Default: the checkout's `.tools/`. */
  cacheFolder?: string;
  /** The operator's own image, FROM ours. */
  ownImage?: string | undefined;
  /** Whether what only Airlock's own tests use is wanted too. */
  tests?: boolean;
}

/** What work in sandboxes needs of a machine: ready to use. */
export interface Machine {
  engine: Engine;
  /** `checks`: of the operator's own image, in which case `id` is that one's. */
  image: SandboxImage & { checks?: OwnImage["checks"] };
}

/**
 * Sees that programs, engine, base image and sandbox image are there. Milliseconds where they are; else, with `provision`, minutes,
 * told on stderr. Throws Fault "engine.missing" with everything that is missing, one sentence each, and whatever openEngine and
 * ensureSandboxImage throw. The sandbox image is built without `provision` too: it changes nothing outside the engine.
 */
export async function ensureMachine(options: MachineOptions): Promise<Machine> {
  demandRoot();
  for (const file of ["/etc/subuid", "/etc/subgid"]) ensureUidsFree(await readFile(file, "utf8").catch(() => ""));
  await ensureEngineRuns(options);
  const engine = await openEngine(addressOf(options.env));
  const { ensureSandboxImage } = await import("../sandbox/image.ts");
  const architecture = engine.info.architecture;
  const made: { image?: SandboxImage } = {};
  const build: LongStep = {
    title: "Preparing the sandbox image",
    run: async (onLine) => {
      const { env, signal, cacheFolder = join(import.meta.dirname, "../../.tools/sandbox") } = options;
      made.image = await ensureSandboxImage({ engine, architecture, cacheFolder, environment: env, onProgress: onLine, signal });
    },
  };
  await runSteps([build]);
  if (!made.image) throw new Error("the image's step ended without an image");
  if (options.ownImage === undefined) return { engine, image: made.image };
  const { examineOwnImage } = await import("../sandbox/own-image.ts");
  const own = await examineOwnImage(engine, { reference: options.ownImage, ours: made.image.id });
  return { engine, image: { ...made.image, ...own, tag: options.ownImage } };
}

/** As ensureMachine, without the image. */
export async function ensureEngineRuns({ provision, env, signal, tests = false }: MachineOptions): Promise<void> {
  const decided = decideProvision(await observeMachine({ env, tests }), provision);
  if (decided.verdict === "refused") throw refusal(decided.lines, provision);
  const frame = { env, signal, engineLog: "/var/log/airlock-dockerd.log" };
  await runSteps(
    decided.steps.map((step) => ({ title: titleOf(step), run: (onLine) => performProvision(step, { ...frame, onLine }) })),
  );
}

function refusal(lines: string[], provision: boolean): Fault {
  const remedy = provision
    ? "Do what the lines above say, then start this again"
    : "Do what the lines above say, or add --provision (as root on Debian or Ubuntu) to have it done";
  return new Fault("engine.missing", lines.join("\n"), { remedy });
}

/** Throws Fault "settings.user". A uid for each run and for each process of ours, and a network namespace for git, are root's to give. */
function demandRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Fault("settings.user", "Airlock was not started as root", {
    remedy:
      "Start it with sudo or as a system service: it commands the Docker engine, which is root's, and gives each run and each of its processes a uid of its own",
  });
}

function addressOf(env: Readonly<Record<string, string>>): { dockerHost?: string } {
  return env.DOCKER_HOST === undefined ? {} : { dockerHost: env.DOCKER_HOST };
}
