import { z } from "zod";
import { exitCodes, Fault } from "../fault.ts";
import { findKnownEscapes, packagedRunc } from "../sandbox/known-escapes.ts";
import { childEnvironment, readOwnImage, readSettings, requireComplete } from "../settings.ts";
import { ensureMachine, type Machine } from "../setup/machine.ts";
import { awaitStop } from "./await-stop.ts";
import type { CommandRun } from "./commands.ts";
import { sweepDeserted } from "./deserted.ts";
import { version } from "./version.ts";

const shape = z.strictObject({
  provision: z.boolean().default(false),
  data: z.string().optional(),
  json: z.boolean().default(false),
});

/** Runs the App for a real GitHub until it is told to stop. With no App it serves the registration first. */
export const runStart: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const stop = awaitStop();
  const source = { ...(options.data !== undefined && { dataFolder: options.data }) };
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
  const machine = await ensureMachine({
    ...{ provision: options.provision, env: childEnvironment(), signal: stop.signal },
    ownImage: readOwnImage(),
  });
  refuseImage(machine.image);
  for (const known of findKnownEscapes({ runcVersion: await packagedRunc(machine.engine.info.runcVersion) }))
    terminal.err(`airlock: ${known}`);
  await sweepDeserted(machine.engine);
  const { startApp } = await import("../wire.ts");
  await using app = await startApp({ settings: complete, machine, version });
  if (options.json)
    terminal.out(
      JSON.stringify({ app: app.url, webhook: `${app.url}${complete.github.webhookPath}`, data: complete.data.folder }),
    );
  else terminal.err(`Airlock is ready: ${app.url}`);
  await stop.asked;
  return stop.by() === "SIGINT" ? exitCodes.interrupted : exitCodes.done;
};

/** Every run would be refused: better to say it now. */
function refuseImage({ tag, checks = [] }: Machine["image"]): void {
  const failed = checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  throw new Fault("engine.own-image", `${tag} is no sandbox: ${failed.map(({ name, seen }) => `${name} (${seen})`).join("; ")}`, {
    remedy: "Mend its Dockerfile and build it again: ./airlock sandbox verify --local shows each check",
  });
}
