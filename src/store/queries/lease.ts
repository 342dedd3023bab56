import { type Kysely, sql } from "kysely";
import { Fault } from "../../fault.ts";
import type { RunId } from "../../run/identity.ts";
import type { Schema } from "../schema.ts";

/**
 * Takes or renews the run for `holder`. Answers its fence, or undefined while somebody else holds it. The fence goes up only when the
 * run changes hands, so that what this process started with the run keeps its right to write.
 */
export async function claimRun(
  db: Kysely<Schema>,
  input: { run: RunId; holder: string; nowMs: number; leaseMs: number },
): Promise<number | undefined> {
  const row = await db
    .updateTable("runs")
    .set({
      holder: input.holder,
      lease_until_ms: input.nowMs + input.leaseMs,
      fence: sql<number>`case when holder = ${input.holder} then fence else fence + 1 end`,
    })
    .where("id", "=", input.run)
    .where((e) => e.or([e("holder", "is", null), e("holder", "=", input.holder), e("lease_until_ms", "<", input.nowMs)]))
    .returning("fence")
    .executeTakeFirst();
  return row?.fence;
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
  await db.updateTable("runs").set({ holder: null }).where("holder", "like", `${machine}:%`).execute();
}

/** What a writer gets whose fence is not the run's any more. */
export function runLost(): Fault {
  return new Fault("run.lost", "Another worker has taken this run over", {
    remedy: "Nothing to do: the other worker goes on with it",
  });
}
