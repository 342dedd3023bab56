import { readFile } from "node:fs/promises";
import { z } from "zod";
import { exitCodes, Fault } from "../fault.ts";
import { readOwnImage, readRuntime, setupEnvironment } from "../settings.ts";
import { ensureMachine } from "../setup/machine.ts";
import { awaitStop } from "./await-stop.ts";
import type { CommandRun } from "./commands.ts";
import { tellIsolation } from "./tell-isolation.ts";

const shape = z.strictObject({
  provision: z.boolean().default(false),
  scenario: z.string().optional(),
  data: z.string().optional(),
  json: z.boolean().default(false),
  mode: z.enum(["sealed", "firewalled"]).default("sealed"),
});

/** Runs the App with a local GitHub and a local model, until ctrl-c. Prints where everything is, once it is ready. */
export const runDev: CommandRun = async (given, terminal) => {
  const options = shape.parse(given);
  const scenario = options.scenario === undefined ? undefined : await readScenario(options.scenario);
  const stop = awaitStop();
  const machine = await ensureMachine({
    ...{ provision: options.provision, env: setupEnvironment(), signal: stop.signal },
    ownImage: readOwnImage(),
  });
  await tellIsolation(machine.engine, { wish: readRuntime(), mode: options.mode }, terminal);
  const { endRuns, startLocalHouse } = await import("./local-house.ts");
  const { operatorEnvironment } = await import("../settings.ts");
  const env = operatorEnvironment();
  await using house = await startLocalHouse({ machine, dataFolder: options.data, env, mayPay: false, mode: options.mode });
  if (scenario !== undefined) house.model.setScenario(scenario);
  const { github, model, app } = house;
  const told = {
    app: app.url,
    github: github.api,
    git: github.url,
    model: model.url,
    pages: `${app.url}/runs`,
    data: house.dataFolder,
    repository: "acme/shop",
    tokens: Object.fromEntries(Object.entries(github.users).map(([name, user]) => [name, user.token])),
    webhookSecret: house.webhookSecret,
    webhookPath: house.webhookPath,
  };
  if (options.json) terminal.out(JSON.stringify(told));
  else {
    terminal.out("Airlock is ready, with a local GitHub and a local model.");
    for (const [name, value] of Object.entries(told))
      terminal.out(`  ${name.padEnd(14)} ${typeof value === "string" ? value : JSON.stringify(value)}`);
    terminal.out("Ctrl-c ends it.");
  }
  const lost = await Promise.race([stop.asked, app.lost]);
  if (lost) throw lost;
  await endRuns(house);
  return stop.by() === "SIGINT" ? exitCodes.interrupted : exitCodes.done;
};

async function readScenario(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new Fault("usage.scenario", `${path} holds no JSON`, { remedy: 'Give a file with {"turns":[…]}', cause });
  }
}
