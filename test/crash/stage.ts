import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { housePrefix, removeHouse } from "../../src/cli/deserted.ts";
import { openTemporaryFolder } from "../../src/cli/temporary.ts";
import { type LocalGitHub, startLocalGitHub } from "../../src/local/github/start.ts";
import { startLocalModel } from "../../src/local/model/server.ts";
import { type Engine, openEngine } from "../../src/sandbox/engine.ts";
import { childEnvironment, readPlaceSettings } from "../../src/settings.ts";
import { createPeople, type People } from "../helpers/people.ts";
import { startPostgres } from "../helpers/postgres.ts";
import type { SecondEngine } from "../helpers/second-engine.ts";
import { type AppProcess, createAppProcess } from "./app-process.ts";
import { createJobs, type Jobs } from "./jobs.ts";
import { type Armed, createArmed } from "./points.ts";
import { type Victim, victimsOf } from "./victims.ts";
import { watchCalls } from "./watch-calls.ts";
import { watchDatabase } from "./watch-database.ts";

export interface StageWish {
  seed: number;
  store: "pglite" | "postgres";
  /** Runs that are asked for and not ended yet, at most. */
  atOnce: number;
  /** An engine of the caller's own, which is killed as well. Absent: the machine's, which is not. */
  second?: SecondEngine;
  onLine: (line: string) => void;
  /** Keeps the App's log and data for a look at what went wrong. */
  keep?: boolean;
}

/** An App as a process of its own and all that it meets, each call of which can be watched. */
export interface Stage extends AsyncDisposable {
  app: AppProcess;
  github: LocalGitHub;
  people: People;
  jobs: Jobs;
  armed: Armed;
  victims: readonly Victim[];
  engine: Engine;
  dataFolder: string;
  /** Past the watcher. */
  databaseUrl: string | undefined;
}

export async function openStage(wish: StageWish): Promise<Stage> {
  await using held = new AsyncDisposableStack();
  const { second } = wish;
  const folder = await mkdtemp(join(tmpdir(), "airlock-chaos-"));
  // Our helper processes must be able to pass through to what is theirs.
  await chmod(folder, 0o711);
  held.defer(async () => {
    if (wish.keep) wish.onLine(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  });
  const armed = createArmed();
  const webhookSecret = randomBytes(24).toString("hex");
  const github = held.use(
    await startLocalGitHub({ folder: join(folder, "github"), app: { webhookSecret }, witness: armed.witness("github") }),
  );
  const model = held.adopt(await startLocalModel({ key: `local-${randomBytes(16).toString("hex")}` }), (it) => it.close());
  const toModel = { host: "127.0.0.1", port: Number(new URL(model.url).port) };
  const watchedModel = held.use(await watchCalls({ to: toModel, witness: armed.witness("model") }));
  const engineSocket = join(folder, "engine.sock");
  const toEngine = { path: second?.socketPath ?? "/var/run/docker.sock" };
  held.use(await watchCalls({ at: engineSocket, to: toEngine, witness: armed.witness("engine") }));
  const server = wish.store === "postgres" ? held.use(await startPostgres()) : undefined;
  const databaseUrl = await server?.database();
  const watchedFolder = join(folder, "pg");
  if (databaseUrl !== undefined)
    held.use(
      await watchDatabase({ folder: watchedFolder, serverFolder: hostOf(databaseUrl), witness: armed.witness("database") }),
    );
  const port = await freePort();
  const dataFolder = held.use(openTemporaryFolder(housePrefix)).path;
  const engine = second?.engine ?? (await openEngine());
  // Whatever happened: nothing of it may stay.
  held.defer(async () => {
    await second?.start();
    await removeHouse(engine, dataFolder);
  });
  await writeFile(join(folder, "app.pem"), github.app.privateKey, { mode: 0o600 });
  const app = createAppProcess(
    {
      ...childEnvironment(),
      ...{ APP_ID: String(github.app.id), PRIVATE_KEY_PATH: join(folder, "app.pem"), WEBHOOK_SECRET: webhookSecret },
      ...{ GHE_HOST: github.host, GHE_PROTOCOL: "http", HOST: "127.0.0.1", PORT: String(port) },
      ...{ ANTHROPIC_API_KEY: model.key, ANTHROPIC_BASE_URL: `http://127.0.0.1:${watchedModel.port}` },
      ...{ DOCKER_HOST: `unix://${engineSocket}`, AIRLOCK_DATA: dataFolder, AIRLOCK_ACCOUNTS: "acme" },
      AIRLOCK_CONCURRENCY: String(wish.atOnce),
      // Dice may meet one run's container several times.
      AIRLOCK_ATTEMPTS: "10",
      AIRLOCK_DISK_BOUND: "none",
      ...(databaseUrl !== undefined && { DATABASE_URL: withHost(databaseUrl, watchedFolder) }),
    },
    join(folder, "app.log"),
  );
  held.defer(() => app.kill());
  await app.start();
  github.setWebhook(`http://127.0.0.1:${port}/api/github/webhooks`);

  const people = createPeople(github);
  const place = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const database = server && databaseUrl !== undefined ? { server, url: databaseUrl } : undefined;
  const victims = victimsOf({ app, place, engine, second, database });
  const jobs = createJobs(people, wish.seed);
  const kept = held.move();
  return {
    ...{ app, github, people, jobs, armed, victims, engine, dataFolder, databaseUrl },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function hostOf(url: string): string {
  return decodeURIComponent(/[?&]host=([^&]+)/.exec(url)?.[1] ?? "");
}

function withHost(url: string, folder: string): string {
  return url.replace(/([?&]host=)[^&]+/, `$1${encodeURIComponent(folder)}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
