import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { findHealth } from "../../src/privilege/start.ts";
import { engineLabels } from "../../src/run/identity.ts";
import type { Engine } from "../../src/sandbox/engine.ts";
import type { Place } from "../../src/settings/place.ts";
import type { TestServer } from "../helpers/postgres.ts";
import type { SecondEngine } from "../helpers/second-engine.ts";
import type { AppProcess } from "./app-process.ts";
import type { Dice } from "./dice.ts";
import type { Side } from "./points.ts";

/** Whom a kill meets. */
export interface Victim {
  name: string;
  /** How often it is chosen, beside the others. */
  weight: number;
  /** Calls that it makes itself, or that it is needed for. */
  sides: readonly Side[];
  /** Whether the App goes with it, and is to be started again when `mend` has ended. */
  takesApp?: true;
  /** SIGKILL, or what comes as near to it. Answers what was met; undefined where there was nothing to meet. */
  kill(dice: Dice): Promise<string | undefined>;
  /** Brings back what does not come back by itself. */
  mend?(dice: Dice): Promise<void>;
}

export interface World {
  app: AppProcess;
  place: Place;
  engine: Engine;
  /** An engine of our own, which may be killed. */
  second: SecondEngine | undefined;
  database: { server: TestServer; url: string } | undefined;
}

export function victimsOf(world: World): readonly Victim[] {
  const { app, place, engine, second, database } = world;
  const all: readonly Side[] = ["github", "engine", "model", "database"];
  const helper = (name: string, weight: number, sides: readonly Side[]): Victim => ({
    ...{ name, weight, sides },
    kill: async () => {
      const pid = await killHelper(place, name);
      return pid === undefined ? undefined : `pid ${pid}`;
    },
  });
  return [
    { name: "app", weight: 50, sides: all, takesApp: true, kill: () => app.kill().then(() => "") },
    { name: "container", weight: 12, sides: ["engine", "model"], kill: (dice) => killContainer(engine, place.instance, dice) },
    helper("gateway", 8, ["model", "github"]),
    helper("git-runs", 5, ["github", "engine"]),
    helper("git-bases", 4, ["github"]),
    ...(second ? enginesOf(world, second) : []),
    ...(database
      ? ([
          { name: "database connection", weight: 8, sides: ["database"], kill: (dice) => breakConnections(database.url, dice) },
          {
            ...{ name: "database server", weight: 4, sides: ["database"] },
            kill: async () => {
              await database.server.crash();
              return "";
            },
          },
        ] satisfies Victim[])
      : []),
  ];
}

function enginesOf({ app, place }: World, second: SecondEngine): readonly Victim[] {
  return [
    {
      ...{ name: "engine", weight: 8, sides: ["engine"] },
      kill: async () => {
        await second.crash("engine");
        return "";
      },
      async mend(dice) {
        await wait(dice.span(0, 3_000));
        await second.start();
      },
    },
    {
      ...{ name: "machine", weight: 5, sides: ["engine", "github"], takesApp: true },
      async kill() {
        await app.kill();
        for (const name of ["gateway", "git-runs", "git-bases"]) await killHelper(place, name);
        await second.crash("machine");
        // What lies in /run is gone when it comes up again.
        await rm(place.runtimeFolder, { recursive: true, force: true });
        return "";
      },
      mend: () => second.start(),
    },
  ];
}

async function killHelper({ runtimeFolder }: Place, name: string): Promise<number | undefined> {
  const pid = (await findHealth(join(runtimeFolder, name, "control.sock")))?.pid;
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  return pid;
}

async function killContainer(engine: Engine, instance: string, dice: Dice): Promise<string | undefined> {
  const filters = JSON.stringify({ label: [`${engineLabels.instance}=${instance}`, `${engineLabels.role}=sandbox`] });
  const running = await engine.docker.listContainers({ filters });
  if (running.length === 0) return undefined;
  const one = dice.pick(running);
  // It may have ended in between.
  await engine.docker
    .getContainer(one.Id)
    .kill({ signal: "SIGKILL" })
    .catch(() => {});
  return one.Names[0]?.slice(1);
}

/** One of the App's connections, or all. */
async function breakConnections(url: string, dice: Dice): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number; application_name: string }>(
      "select pid, application_name from pg_stat_activity where application_name like 'airlock%' and datname = current_database() order by pid",
    );
    const met = dice.roll() < 0.5 ? rows : rows.length > 0 ? [dice.pick(rows)] : [];
    for (const { pid } of met) await client.query("select pg_terminate_backend($1)", [pid]);
    return met.length === 0 ? undefined : met.map(({ application_name: name }) => name).join(" ");
  } finally {
    await client.end();
  }
}
