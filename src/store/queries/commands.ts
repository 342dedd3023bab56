import type { Kysely } from "kysely";
import type { Command } from "../../run/command.ts";
import type { RunId } from "../../run/identity.ts";
import type { Queue } from "../queue.ts";
import type { Schema } from "../schema.ts";
import { storableJson } from "../text.ts";

/** Files what somebody wants of a run, and wakes it, as one: also a run that waits to try something again, or a stop would wait with it. */
export async function fileCommand(
  db: Kysely<Schema>,
  queue: Queue,
  input: { run: RunId; command: Command; nowMs: number },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto("commands")
      .values({ run: input.run, command: storableJson(input.command), at_ms: input.nowMs })
      .execute();
    await trx.updateTable("runs").set({ not_before_ms: 0 }).where("id", "=", input.run).execute();
    await queue.wakeRun(input.run, trx);
  });
}

/** Oldest first. */
export async function commandsOf(db: Kysely<Schema>, run: RunId): Promise<Command[]> {
  const rows = await db.selectFrom("commands").select("command").where("run", "=", run).orderBy("id").execute();
  return rows.map((row) => row.command as unknown as Command);
}
