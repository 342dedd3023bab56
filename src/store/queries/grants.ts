import type { Kysely } from "kysely";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/** A line of the ledger: which token was asked for, for which run, and what became of it. `token` is sealed; absent once revoked. */
export interface GrantRow {
  id: string;
  run: RunId | null;
  duty: string;
  repositoryId: number;
  permissions: Record<string, string>;
  /** `minting` past its expiry: the answer was lost, and so was the token. */
  state: "minting" | "live" | "revoked";
  mintedAtMs: number;
  expiresAtMs: number;
  revokedAtMs: number | null;
  token: string | null;
  /** On which machine it was minted. */
  machine: string | null;
}

/** Who mints: of a run's tokens only who holds it. Undefined: whoever asks. */
type Holder = string | undefined;

export async function addGrant(db: Kysely<Schema>, grant: GrantRow): Promise<void> {
  await db
    .insertInto("grants")
    .values({
      id: grant.id,
      run: grant.run,
      duty: grant.duty,
      repository_id: grant.repositoryId,
      permissions: JSON.stringify(grant.permissions),
      state: grant.state,
      minted_at_ms: grant.mintedAtMs,
      expires_at_ms: grant.expiresAtMs,
      revoked_at_ms: grant.revokedAtMs,
      token: grant.token,
      machine: grant.machine,
    })
    .execute();
}

/** False where the run that it is for has changed hands since: nobody looks for this token any more. It is in the ledger all the same. */
export async function markMinted(
  db: Kysely<Schema>,
  input: { id: string; sealedToken: string; expiresAtMs: number; holder: Holder },
): Promise<boolean> {
  const row = await db
    .updateTable("grants")
    .set({ state: "live", token: input.sealedToken, expires_at_ms: input.expiresAtMs })
    .where("id", "=", input.id)
    .returning("run")
    .executeTakeFirst();
  return row?.run == null || (await holdsRun(db, row.run, input.holder));
}

/** True also for what is no run of the store: a trial. */
export async function holdsRun(db: Kysely<Schema>, run: RunId, holder: Holder): Promise<boolean> {
  if (holder === undefined) return true;
  const row = await db.selectFrom("runs").select("holder").where("id", "=", run).executeTakeFirst();
  return !row || row.holder === holder;
}

export async function markRevoked(db: Kysely<Schema>, id: string, nowMs: number): Promise<void> {
  await db.updateTable("grants").set({ state: "revoked", token: null, revoked_at_ms: nowMs }).where("id", "=", id).execute();
}

export async function dropGrant(db: Kysely<Schema>, id: string): Promise<void> {
  await db.deleteFrom("grants").where("id", "=", id).execute();
}

export async function grantsOf(db: Kysely<Schema>, run: RunId): Promise<GrantRow[]> {
  return (await db.selectFrom("grants").selectAll().where("run", "=", run).orderBy("minted_at_ms").execute()).map(asGrant);
}

/** Live or in doubt, of any run or none. */
export async function openGrants(db: Kysely<Schema>): Promise<GrantRow[]> {
  return (await db.selectFrom("grants").selectAll().where("state", "<>", "revoked").orderBy("minted_at_ms").execute()).map(
    asGrant,
  );
}

function asGrant(row: { [K in keyof Schema["grants"]]: unknown }): GrantRow {
  return {
    id: row.id as string,
    run: row.run as RunId | null,
    duty: row.duty as string,
    repositoryId: Number(row.repository_id),
    permissions: row.permissions as Record<string, string>,
    state: row.state as GrantRow["state"],
    mintedAtMs: Number(row.minted_at_ms),
    expiresAtMs: Number(row.expires_at_ms),
    revokedAtMs: row.revoked_at_ms === null ? null : Number(row.revoked_at_ms),
    token: row.token as string | null,
    machine: row.machine as string | null,
  };
}
