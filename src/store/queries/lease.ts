import { type Kysely, sql } from "kysely";
import { Fault } from "../../fault.ts";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/** Who takes a run: a process, on a machine. */
export interface Claimant {
  holder: string;
  machine: string;
  /** A machine that was not heard of for so long has lost its runs. */
  lostAfterMs: number;
}

/**
 * Takes or renews the run for `holder`. Answers its fence (`takenFrom`: from whom its lease had lapsed), or undefined while somebody else holds it, or while what it needs is on another
 * machine that lives: one that restarts keeps its runs. The fence goes up only when the run changes hands, so that what this process
 * started with the run keeps its right to write.
 */
export async function claimRun(
  db: Kysely<Schema>,
  input: Claimant & { run: RunId; nowMs: number; leaseMs: number },
): Promise<{ fence: number; takenFrom?: string } | undefined> {
  const { run, holder, machine, nowMs, lostAfterMs } = input;
  const { rows } = await sql<{ fence: number; former: string | null }>`
    update runs set holder = ${holder}, lease_until_ms = ${nowMs + input.leaseMs},
      fence = case when runs.holder = ${holder} then runs.fence else runs.fence + 1 end
    from (select id, holder from runs where id = ${run} for update) as before
    where runs.id = before.id
      and (runs.holder is null or runs.holder = ${holder} or runs.lease_until_ms < ${nowMs})
      and (runs.machine is null or runs.machine = ${machine} or not exists (
        select 1 from machines where machines.machine = runs.machine and machines.seen_at_ms >= ${nowMs - lostAfterMs}))
    returning runs.fence as fence, before.holder as former`.execute(db);
  const [row] = rows;
  if (!row) return undefined;
  return { fence: Number(row.fence), ...(row.former !== null && row.former !== holder && { takenFrom: row.former }) };
}

/** Gives a run back as it was taken, when what has to come first could not be done: the next who takes it begins with that. */
export async function returnRun(db: Kysely<Schema>, input: { run: RunId; holder: string; to: string }): Promise<void> {
  const back = { holder: input.to, lease_until_ms: 0 };
  await db.updateTable("runs").set(back).where("id", "=", input.run).where("holder", "=", input.holder).execute();
}

/** Lets a run go that has nothing on this machine, so that any machine may take it next. */
export async function releaseIfElsewhere(
  db: Kysely<Schema>,
  { run, holder, machine }: Pick<Claimant, "holder" | "machine"> & { run: RunId },
): Promise<void> {
  await db
    .updateTable("runs")
    .set({ holder: null })
    .where("id", "=", run)
    .where("holder", "=", holder)
    .where((e) => e.or([e("machine", "is", null), e("machine", "<>", machine)]))
    .execute();
}

/**
 * Runs that were begun before machines had names are this one's: no other has ever worked on them. `alone`: so are all others, since
 * nobody shares an embedded store; it may have been restored in another data folder.
 */
export async function adoptRuns(db: Kysely<Schema>, { machine, alone }: { machine: string; alone: boolean }): Promise<void> {
  await db
    .updateTable("runs")
    .set({ machine })
    .where((e) => (alone ? e("machine", "is distinct from", machine) : e("machine", "is", null)))
    .where("at", "not in", ["accepted", "announcing", "queued", "closing", "ended"])
    .where(sql<boolean>`not (state ? 'afresh')`)
    .execute();
}

/** Renews every run that `holder` still has. */
export async function renewLeases(db: Kysely<Schema>, holder: string, untilMs: number): Promise<void> {
  await db.updateTable("runs").set({ lease_until_ms: untilMs }).where("holder", "=", holder).where("at", "<>", "ended").execute();
}

/** Lets all runs of `holder` go, so that the next process need not wait for their leases to lapse. */
export async function releaseLeases(db: Kysely<Schema>, holder: string): Promise<void> {
  await db.updateTable("runs").set({ holder: null }).where("holder", "=", holder).execute();
}

/**
 * Lets go of what earlier lives of this machine's App held. To be called by whoever holds the data folder alone: they are dead, and
 * their runs need not wait for a lease to lapse. `machine`: what holders of this machine's App begin with.
 */
export async function releaseEarlierLives(db: Kysely<Schema>, machine: string): Promise<void> {
  const earlier = `${machine}:%`;
  await db.updateTable("deliveries").set({ holder: null }).where("holder", "like", earlier).execute();
  // One that died between taking a run and cutting the former machine off leaves its name: whoever takes the run next does that first.
  await db.updateTable("runs").set({ lease_until_ms: 0 }).where("holder", "like", earlier).execute();
  await db
    .updateTable("runs")
    .set({ holder: null })
    .where("holder", "like", earlier)
    .where(({ not, exists, selectFrom, ref }) =>
      not(
        exists(
          selectFrom("grants")
            .select("grants.id")
            .where("grants.run", "=", ref("runs.id"))
            .where("grants.state", "<>", "revoked")
            .where("grants.machine", "<>", machine),
        ),
      ),
    )
    .execute();
  await db.deleteFrom("leases").where("holder", "like", earlier).execute();
}

/** What a writer gets whose fence is not the run's any more. */
export function runLost(): Fault {
  return new Fault("run.lost", "Another worker has taken this run over", {
    remedy: "Nothing to do: the other worker goes on with it",
  });
}
