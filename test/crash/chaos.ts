import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { housePrefix, removeHouse } from "../../src/cli/deserted.ts";
import { openTemporaryFolder } from "../../src/cli/temporary.ts";
import { startLocalGitHub } from "../../src/local/github/start.ts";
import { startLocalModel } from "../../src/local/model/server.ts";
import { findHealth } from "../../src/privilege/start.ts";
import { openEngine } from "../../src/sandbox/engine.ts";
import { childEnvironment, readPlaceSettings } from "../../src/settings.ts";
import { createPeople } from "../helpers/people.ts";
import { startPostgres } from "../helpers/postgres.ts";
import { type AppProcess, createAppProcess } from "./app-process.ts";
import { createDice, type Dice } from "./dice.ts";
import { watchEngine } from "./engine-points.ts";
import { judge, type Verdict } from "./judge.ts";
import { observeEnd, observeRuns } from "./observe-end.ts";
import { type Armed, createArmed, points } from "./points.ts";

export interface ChaosWish {
  kills: number;
  seed: number;
  store: "pglite" | "postgres";
  /** Runs that are asked for and not ended yet, at most. */
  atOnce: number;
  onLine: (line: string) => void;
  signal: AbortSignal;
  /** Keeps the App's log and data for a look at what went wrong. */
  keep?: boolean;
}

/** Real processes under a stream of requests, killed again and again. Answers what came of every request in the end. */
export async function runChaos(wish: ChaosWish): Promise<Verdict> {
  await using held = new AsyncDisposableStack();
  const dice = createDice(wish.seed);
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
  const engineSocket = join(folder, "engine.sock");
  held.use(await watchEngine(engineSocket, armed.witness("engine")));
  const server = wish.store === "postgres" ? held.use(await startPostgres()) : undefined;
  const databaseUrl = await server?.database();
  const port = await freePort();
  const dataFolder = held.use(openTemporaryFolder(housePrefix)).path;
  const engine = await openEngine();
  // Whatever happened: nothing of it may stay.
  held.defer(() => removeHouse(engine, dataFolder));
  await writeFile(join(folder, "app.pem"), github.app.privateKey, { mode: 0o600 });
  const app = createAppProcess(
    {
      ...childEnvironment(),
      ...{ APP_ID: String(github.app.id), PRIVATE_KEY_PATH: join(folder, "app.pem"), WEBHOOK_SECRET: webhookSecret },
      ...{ GHE_HOST: github.host, GHE_PROTOCOL: "http", HOST: "127.0.0.1", PORT: String(port) },
      ...{ ANTHROPIC_API_KEY: model.key, ANTHROPIC_BASE_URL: model.url, DOCKER_HOST: `unix://${engineSocket}` },
      ...{ AIRLOCK_DATA: dataFolder, AIRLOCK_ACCOUNTS: "acme", AIRLOCK_CONCURRENCY: String(wish.atOnce) },
      ...(databaseUrl && { DATABASE_URL: databaseUrl }),
    },
    join(folder, "app.log"),
  );
  held.defer(() => app.kill());
  await app.start();
  github.setWebhook(`http://127.0.0.1:${port}/api/github/webhooks`);

  const people = createPeople(github);
  const asked: number[] = [];
  const ask = async () => {
    const work = `sleep ${(dice.span(500, 9_000) / 1000).toFixed(1)}; echo made > n${asked.length}.txt && git add -A && git commit -qm "Add a note" && echo Added`;
    const issue = await people.openIssue({ title: `Job ${asked.length}`, shell: work });
    await people.setLabel(issue);
    asked.push(issue);
  };
  // The App takes its labels away when the run has ended.
  const isOpen = async (issue: number) => (await people.labelsOf(issue)).length > 0;
  const openCount = async () => (await Promise.all(asked.slice(-12).map(isOpen))).filter(Boolean).length;

  const { runtimeFolder } = readPlaceSettings({ env: {}, cwd: "/", dataFolder });
  const killedAtMs: number[] = [];
  let startMs = 3_000;
  while (killedAtMs.length < wish.kills) {
    wish.signal.throwIfAborted();
    while ((await openCount()) < wish.atOnce && asked.length < wish.kills + wish.atOnce) {
      await ask();
      // Each request a little later than the last: at any moment runs stand at different places.
      await wait(dice.span(0, 600));
      if ((await openCount()) >= wish.atOnce) break;
    }
    const how = await killOnce({ app, dice, armed, startMs, runtimeFolder, crashServer: server && (() => server.crash()) });
    killedAtMs.push(how.atMs);
    startMs = how.startMs;
    wish.onLine(`kill ${killedAtMs.length}/${wish.kills}: ${how.what}; ${asked.length} asked`);
  }
  armed.disarm();
  if (!app.isUp()) await app.start();
  wish.onLine("waiting for the runs to end");
  await observeRuns({ people, github, asked, withinMs: 240_000 });
  const seen = await observeEnd({ app, github, people, asked, dataFolder, databaseUrl });
  return judge({ ...seen, asked, killedAtMs });
}

/** One kill, and the App's next start. */
async function killOnce(of: {
  app: AppProcess;
  dice: Dice;
  armed: Armed;
  runtimeFolder: string;
  /** How long the last start took. A machine that is slow just now is given more time between kills, or nothing but starts would be killed. */
  startMs: number;
  crashServer: (() => Promise<void>) | undefined;
}): Promise<{ what: string; atMs: number; startMs: number }> {
  const { app, dice, armed, startMs, runtimeFolder } = of;
  const chance = dice.roll();
  let what: string;
  if (chance > 0.9) {
    await wait(dice.span(0, startMs));
    const name = dice.pick(["gateway", "git-runs", "git-bases"] as const);
    const pid = (await findHealth(join(runtimeFolder, name, "control.sock")))?.pid;
    if (pid !== undefined) {
      process.kill(pid, "SIGKILL");
      return { what: `${name}, pid ${pid}`, atMs: Date.now(), startMs };
    }
  }
  if (of.crashServer && chance < 0.1) {
    await wait(dice.span(100, 3_000));
    const atMs = Date.now();
    await of.crashServer();
    return { what: "database server", atMs, startMs };
  }
  if (chance < 0.5) {
    const point = dice.pick(points);
    const { promise, resolve } = Promise.withResolvers<string>();
    armed.arm(point, async () => {
      await app.kill();
      resolve(`${point.when} ${point.method} ${point.path.source} of ${point.side}`);
    });
    const missed = new AbortController();
    what = await Promise.race([promise, wait(3 * startMs, "", { signal: missed.signal }).catch(() => "")]);
    missed.abort();
    armed.disarm();
    if (what === "") what = `missed ${point.when} ${point.method} ${point.path.source}, then at once`;
  } else {
    const afterMs = dice.span(0, 2.5 * startMs);
    await wait(afterMs);
    what = `${afterMs} ms after the last`;
  }
  const atMs = Date.now();
  await app.kill();
  await wait(dice.roll() < 0.3 ? dice.span(0, 3_000) : 0);
  // Some of the starts are killed as well, before they have come up.
  if (dice.roll() < 0.15) {
    const starting = app.start();
    await wait(dice.span(100, startMs));
    await app.kill();
    await starting;
    what += ", and while it started again";
  }
  const fromMs = Date.now();
  await app.start();
  return { what, atMs, startMs: Math.max(1_500, Date.now() - fromMs) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
