import type { Kysely } from "kysely";
import { isCommit } from "../run/identity.ts";
import { fileCommand } from "../store/queries/commands.ts";
import { findRun } from "../store/queries/runs.ts";
import type { Queue } from "../store/queue.ts";
import type { Schema } from "../store/schema.ts";
import type { Filer } from "./view.ts";

/** Files what operators and pages ask for as commands; the reconciler carries them out. */
export function createFiler(parts: { db: Kysely<Schema>; queue: Queue; nowMs(): number }): Filer {
  return {
    async cancel(run, by) {
      const row = await findRun(parts.db, run);
      if (!row) return "unknown";
      if (row.state.at === "ended" || row.state.at === "closing") return "ended";
      const command = { kind: "stop", by: by.name, how: by.kind === "operator" ? "cli" : "page" } as const;
      await fileCommand(parts.db, parts.queue, { run, command, nowMs: parts.nowMs() });
      return "filed";
    },
    async decide(run, { kind, by, sha }) {
      const row = await findRun(parts.db, run);
      if (!row) return { is: "unknown" };
      if (row.state.at !== "held") return { is: "not-held" };
      const held = row.state.rebuilt;
      if (sha !== undefined && !isCommit(held, sha)) return { is: "other-commit", held };
      await fileCommand(parts.db, parts.queue, { run, command: { kind, by, how: "cli", sha: held }, nowMs: parts.nowMs() });
      return { is: "filed", sha: held };
    },
  };
}
