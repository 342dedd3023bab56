import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { housePrefix, removeHouse } from "../../src/cli/deserted.ts";
import { openTemporaryFolder } from "../../src/cli/temporary.ts";
import { startLocalGitHub } from "../../src/local/github/start.ts";
import { startLocalModel } from "../../src/local/model/server.ts";
import { openEngine } from "../../src/sandbox/engine.ts";
import { childEnvironment } from "../../src/settings.ts";
import { createPeople, type People } from "../helpers/people.ts";
import { startPostgres } from "../helpers/postgres.ts";
import { type AppProcess, createAppProcess } from "./app-process.ts";
import { type Armed, createArmed } from "./points.ts";

export interface FleetWorker extends AppProcess {
  dataFolder: string;
  /** Its App's log. */
  logFile: string;
}

/** One process that takes deliveries and several that do the work, all real, on one PostgreSQL. */
export interface Fleet extends AsyncDisposable {
  web: AppProcess & { url: string };
  workers: FleetWorker[];
  github: Awaited<ReturnType<typeof startLocalGitHub>>;
  people: People;
  armed: Armed;
  query<Row extends object>(sql: string): Promise<Row[]>;
}

/** `labels`: of each worker, by its place in the list. */
export async function startFleet(wish: {
  workers: number;
  placesEach: number;
  labels?: readonly (readonly string[])[];
  env?: Record<string, string>;
}): Promise<Fleet> {
  await using held = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "airlock-fleet-"));
  await chmod(folder, 0o711);
  held.defer(() => rm(folder, { recursive: true, force: true }));
  const armed = createArmed();
  const webhookSecret = randomBytes(24).toString("hex");
  const github = held.use(
    await startLocalGitHub({ folder: join(folder, "github"), app: { webhookSecret }, witness: armed.witness("github") }),
  );
  const model = held.adopt(await startLocalModel({ key: `local-${randomBytes(16).toString("hex")}` }), (it) => it.close());
  const server = held.use(await startPostgres());
  const databaseUrl = await server.database();
  const database = held.adopt(new pg.Client({ connectionString: databaseUrl }), (client) => client.end());
  await database.connect();
  await writeFile(join(folder, "app.pem"), github.app.privateKey, { mode: 0o600 });
  const engine = await openEngine();
  const port = await freePort();
  const common = {
    ...childEnvironment(),
    ...{ GHE_HOST: github.host, GHE_PROTOCOL: "http", DATABASE_URL: databaseUrl, AIRLOCK_URL: `http://127.0.0.1:${port}` },
  };
  // What a balancer would find: this process has no key at all.
  const webEnv = { ...common, HOST: "127.0.0.1", PORT: String(port), WEBHOOK_SECRET: webhookSecret };
  const web = createAppProcess(webEnv, join(folder, "web.log"), ["--role", "web"]);
  held.defer(() => web.kill());
  await web.start();
  github.setWebhook(`http://127.0.0.1:${port}/api/github/webhooks`);

  const sealKey = `${randomBytes(32).toString("base64")}\n`;
  const workers: FleetWorker[] = [];
  for (let n = 0; n < wish.workers; n++) {
    const dataFolder = held.use(openTemporaryFolder(housePrefix)).path;
    held.defer(() => removeHouse(engine, dataFolder));
    await mkdir(join(dataFolder, "keys"), { mode: 0o700 });
    await writeFile(join(dataFolder, "keys", "seal.key"), sealKey, { mode: 0o600 });
    const env = {
      ...common,
      ...{ APP_ID: String(github.app.id), PRIVATE_KEY_PATH: join(folder, "app.pem"), AIRLOCK_DATA: dataFolder },
      ...{ ANTHROPIC_API_KEY: model.key, ANTHROPIC_BASE_URL: model.url, AIRLOCK_ACCOUNTS: "acme" },
      ...{ AIRLOCK_CONCURRENCY: String(wish.placesEach), AIRLOCK_TAKEOVER_SECONDS: "10", AIRLOCK_DISK_BOUND: "none" },
      ...wish.env,
    };
    const logFile = join(folder, `worker-${n}.log`);
    const labels = (wish.labels?.[n] ?? []).flatMap((label) => ["--label", label]);
    const app = createAppProcess(env, logFile, ["--role", "worker", ...labels]);
    held.defer(() => app.kill());
    await app.start();
    workers.push({ ...app, dataFolder, logFile });
  }
  const kept = held.move();
  return {
    ...{ workers, github, armed, people: createPeople(github) },
    web: { ...web, url: `http://127.0.0.1:${port}` },
    query: async (sql) => (await database.query(sql)).rows,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
