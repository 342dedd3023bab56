import type { Kysely } from "kysely";
import type { Home } from "../../run/home.ts";
import type { Schema } from "../schema.ts";

/** Remembers where GitHub says that a repository is. */
export async function putHome(db: Kysely<Schema>, home: Home & { atMs: number }): Promise<void> {
  const { installationId, accountId, owner, name } = home;
  const where = { installation_id: installationId, account_id: accountId, owner, name, at_ms: home.atMs };
  await db
    .insertInto("homes")
    .values({ repository_id: home.repositoryId, ...where })
    .onConflict((c) => c.column("repository_id").doUpdateSet(where))
    .execute();
}

/** Where a repository is now, if it was met elsewhere than a request of its said. */
export async function findHome(db: Kysely<Schema>, repositoryId: number): Promise<Home | undefined> {
  const row = await db.selectFrom("homes").selectAll().where("repository_id", "=", repositoryId).executeTakeFirst();
  return (
    row && {
      repositoryId,
      installationId: Number(row.installation_id),
      accountId: Number(row.account_id),
      owner: row.owner,
      name: row.name,
    }
  );
}
