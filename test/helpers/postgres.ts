import { chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import pg from "pg";
import { Secret } from "../../src/secret/secret.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { until } from "./until.ts";

export interface TestServer extends AsyncDisposable {
  /** An empty database of its own. */
  database(): Promise<string>;
  /** Ends the server as a crash does, and starts it again when `whileDown` has ended. */
  crash(whileDown?: () => Promise<void>): Promise<void>;
}

const folderOfPrograms = "/usr/lib/postgresql";

/** A PostgreSQL server of the test's own, in a temporary folder, at a Unix socket there and nowhere else. */
export async function startPostgres(): Promise<TestServer> {
  const versions = (await readdir(folderOfPrograms)).sort((a, b) => Number(b) - Number(a));
  const bin = join(folderOfPrograms, versions[0] ?? "", "bin");
  const folder = await mkdtemp(join(tmpdir(), "airlock-pg-"));
  const user = await idOf("-u");
  // The server refuses to run as root.
  await chown(folder, user, await idOf("-g"));
  const as = (program: string, ...args: string[]) =>
    execa("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", join(bin, program), ...args], {
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" },
      ...{ extendEnv: false, cwd: folder, stdin: "ignore" },
    });
  const data = join(folder, "data");
  await as("initdb", "-D", data, "-A", "trust", "-N", "-E", "UTF8");
  const start = () => {
    const server = as("postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off");
    server.catch(() => {});
    return server;
  };
  const urlOf = (name: string) => `postgres://postgres@/${name}?host=${encodeURIComponent(folder)}`;
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: urlOf("postgres") });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  const answers = () =>
    until("the database server to answer", () =>
      query("select 1").then(
        () => true,
        () => undefined,
      ),
    );
  let server = start();
  await answers();
  let made = 0;
  return {
    async database() {
      const name = `test${++made}`;
      await query(`create database ${name}`);
      return urlOf(name);
    },
    async crash(whileDown = async () => {}) {
      server.kill("SIGQUIT");
      await server.catch(() => {});
      await whileDown();
      server = start();
      await answers();
    },
    [Symbol.asyncDispose]: async () => {
      server.kill("SIGQUIT");
      await server.catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A store on that server. `url`: to share a database with another one. */
export async function openPostgresStore(
  server: TestServer,
  url?: string,
): Promise<Store & { folder: string; url: string; queueErrors: unknown[] }> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-store-"));
  const queueErrors: unknown[] = [];
  const database = url ?? (await server.database());
  const store = await openStore({
    folder,
    databaseUrl: new Secret(database),
    onQueueError: (error) => queueErrors.push(error),
  });
  return {
    ...store,
    folder,
    queueErrors,
    url: database,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function idOf(which: "-u" | "-g"): Promise<number> {
  return Number((await execa("id", [which, "postgres"])).stdout);
}
