import { z } from "zod";
import { exitCodes, Fault } from "../fault.ts";
import { machineLabel } from "../settings/values.ts";
import { readOwnImage, readSettings, readWebSettings, requireComplete, setupEnvironment } from "../settings.ts";
import { ensureMachine, type Machine } from "../setup/machine.ts";
import { awaitStop } from "./await-stop.ts";
import type { CommandRun } from "./commands.ts";
import { sweepDeserted } from "./deserted.ts";
import { tellIsolation } from "./tell-isolation.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

const shape = z.strictObject({
  provision: z.boolean().default(false),
  data: z.string().optional(),
  json: z.boolean().default(false),
  role: z.enum(["all", "web", "worker"]).default("all"),
  label: z.array(z.string()).default([]),
});

/** Runs the App for a real GitHub until it is told to stop. With no App it serves the registration first. */
export const runStart: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const stop = awaitStop();
  if (options.role === "web") return startWeb(options, stop, terminal);
  const { role, label: labels } = options;
  const source = { role, labels: parseLabels(labels), ...(options.data !== undefined && { dataFolder: options.data }) };
  let { settings, warnings } = readSettings(source);
  for (const warning of warnings) terminal.err(`airlock: ${warning}`);
  if (!settings.app) {
    const { registerApp } = await import("../setup/register.ts");
    const { applyNetwork } = await import("../setup/network.ts");
    applyNetwork(settings);
    await registerApp({
      settings,
      signal: stop.signal,
      onInvitation: ({ url, code }) => terminal.err(`No App is set up yet. Open ${url} and enter the code ${code}`),
      onProblem: (error) => terminal.err(`airlock: ${error instanceof Error ? error.message : String(error)}`),
    });
    ({ settings } = readSettings(source));
  }
  const complete = requireComplete(settings);
  if (role === "worker" && !complete.database)
    throw new Fault("settings.DATABASE_URL", "the role worker needs DATABASE_URL: the embedded store belongs to one process", {
      remedy: "Give the PostgreSQL server that the web processes use, or start without --role",
    });
  const machine = await ensureMachine({
    ...{ provision: options.provision, env: setupEnvironment(), signal: stop.signal },
    ownImage: readOwnImage(),
  });
  refuseImage(machine.image);
  await tellIsolation(machine.engine, { wish: settings.runtime, mode: settings.mode }, terminal);
  await sweepDeserted(machine.engine);
  const { startApp } = await import("../wire.ts");
  await using app = await startApp({ settings: complete, machine, version, role });
  if (options.json)
    terminal.out(
      JSON.stringify({ app: app.url, webhook: `${app.url}${complete.github.webhookPath}`, data: complete.data.folder }),
    );
  else if (role === "worker") terminal.err("Airlock's worker is ready: it takes what the database has for it");
  else terminal.err(`Airlock is ready: ${app.url}`);
  const lost = await Promise.race([stop.asked, app.lost]);
  if (lost) throw lost;
  return stop.by() === "SIGINT" ? exitCodes.interrupted : exitCodes.done;
};

/** Takes deliveries and shows pages; workers elsewhere do the work, with keys that this process does not have. */
async function startWeb(options: z.infer<typeof shape>, stop: ReturnType<typeof awaitStop>, terminal: Terminal): Promise<number> {
  const { settings, warnings } = readWebSettings();
  for (const warning of warnings) terminal.err(`airlock: ${warning}`);
  const { startWebApp } = await import("../wire/web.ts");
  await using web = await startWebApp({ settings, version });
  if (options.json)
    terminal.out(JSON.stringify({ app: web.url, webhook: `${web.url}${settings.github.webhookPath}`, role: "web" }));
  else terminal.err(`Airlock's pages are ready, and it takes deliveries: ${web.url}`);
  await stop.asked;
  return stop.by() === "SIGINT" ? exitCodes.interrupted : exitCodes.done;
}

function parseLabels(labels: readonly string[]): readonly string[] {
  const wrong = labels.find((label) => !machineLabel.test(label));
  if (wrong === undefined) return labels;
  throw new Fault("settings.AIRLOCK_LABELS", "--label names no label such as gpu (letters, digits, - and _)", {
    remedy: "Give one label after each --label",
  });
}

/** Every run would be refused: better to say it now. */
function refuseImage({ tag, checks = [] }: Machine["image"]): void {
  const failed = checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  throw new Fault("engine.own-image", `${tag} is no sandbox: ${failed.map(({ name, seen }) => `${name} (${seen})`).join("; ")}`, {
    remedy: "Mend its Dockerfile and build it again: ./airlock sandbox verify --local shows each check",
  });
}
