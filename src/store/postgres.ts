import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { PgBoss } from "pg-boss";
import { Fault } from "../fault.ts";
import type { Secret } from "../secret/secret.ts";
import type { Engine } from "./open.ts";
import type { Schema } from "./schema.ts";

/** Statements wait this long for a connection, and a connection this long for the server. */
const connectTimeoutMs = 10_000;

/** A server that several Apps may share. Throws Fault "store.unavailable", "store.too-old". `onError`: of connections that lie idle. */
export async function openPostgres({ url, onError }: { url: Secret; onError: (error: unknown) => void }): Promise<Engine> {
  const connection = { connectionString: url.reveal(), connectionTimeoutMillis: connectTimeoutMs, keepAlive: true };
  const pool = new pg.Pool({ ...connection, application_name: "airlock", max: 10, types });
  // Unheard, the error of an idle connection (the server restarts) would end the process.
  pool.on("error", onError);
  // So would that of one in use: the pool takes its own ear off a connection that it hands out. The statement fails with it as well.
  pool.on("connect", (client) => client.on("error", () => {}));
  try {
    await checkServer(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }),
    // Its own pool: its statements must not wait behind ours, nor ours behind its.
    boss: new PgBoss({
      ...connection,
      application_name: "airlock-queue",
      max: 4,
      useListenNotify: true,
      schedule: false,
      monitorVacuum: false,
      reindex: false,
    }),
    close: () => pool.end(),
  };
}

/** bigint as a number, as the embedded store gives it. What we keep (epoch milliseconds, GitHub's ids, byte counts) stays below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === pg.types.builtins.INT8 && format !== "binary"
      ? (text: string) => Number(text)
      : pg.types.getTypeParser(oid, format as "text"),
};

async function checkServer(pool: pg.Pool): Promise<void> {
  const version = await pool.query<{ server_version_num: string }>("show server_version_num").catch((cause: unknown) => {
    throw new Fault("store.unavailable", `The database of DATABASE_URL does not answer: ${reasonOf(cause)}`, {
      remedy: "Check address, user and password of DATABASE_URL, and that the server takes connections from this machine",
      cause,
    });
  });
  const number = Number(version.rows[0]?.server_version_num);
  if (number < oldestServer)
    throw new Fault("store.too-old", `The database server is PostgreSQL ${Math.floor(number / 10_000)}`, {
      remedy: "Airlock's queue needs PostgreSQL 13 or newer",
    });
}

/** pg-boss's own bound. */
const oldestServer = 130_000;

/** Never the whole error: some of them quote the connection string. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message?.slice(0, 60) ?? "unknown";
}
