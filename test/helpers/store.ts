import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunId, Sha } from "../../src/run/identity.ts";
import type { RunRequest } from "../../src/run/request.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { type Claimant, claimRun } from "../../src/store/queries/lease.ts";
import { addRun, findRun, type RunRow } from "../../src/store/queries/runs.ts";
import type { LineWish } from "../../src/store/queries/slots.ts";

/** A real embedded store in a temporary folder, which goes with it. One for each test file. */
export async function openTestStore(): Promise<Store & { folder: string; queueErrors: unknown[] }> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-store-"));
  const queueErrors: unknown[] = [];
  const store = await openStore({ folder, onQueueError: (error) => queueErrors.push(error) });
  return {
    ...store,
    folder,
    queueErrors,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A run id of the right shape, as readable as its alphabet allows. */
export function runId(name: string): RunId {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z2-7]/g, "")
    .padEnd(16, "a")
    .slice(0, 16) as RunId;
}

export function sha(digit: string): Sha {
  return digit.repeat(40).slice(0, 40) as Sha;
}

export function requestOf(number: number, change: Partial<RunRequest> = {}): RunRequest {
  return {
    installationId: 77,
    accountId: 1,
    repositoryId: 500,
    owner: "acme",
    name: "shop",
    subject: { kind: "issue", number, id: 9000 + number },
    requester: { id: 11, login: "maintainer" },
    cause: { kind: "label", label: "agent" },
    askedAtMs: 1_000_000,
    title: "A title",
    body: "A body",
    ...change,
  };
}

/** Who takes runs in a test: a process of the one machine that there is. */
export function claimantOf(holder: string, machine = "machine"): Claimant {
  return { holder, machine, lostAfterMs: 120_000 };
}

/** Places on the one machine that there is. */
export function lineOf(limit: number, nowMs = 0): LineWish & { nowMs: number } {
  return { here: { machine: "machine", labels: [] }, limits: { machine: limit }, priorityOf: () => 0, nowMs };
}

/** A run of its own for a test: accepted, and held by `holder`. */
export async function addHeldRun(
  store: Store,
  of: { name: string; number: number; holder?: string; request?: Partial<RunRequest>; nowMs?: number },
): Promise<RunRow> {
  const id = runId(of.name);
  const nowMs = of.nowMs ?? 1_000_000;
  const added = await addRun(store.db, store.queue, {
    id,
    pageKey: `page-${id}`,
    causeKey: `cause-${id}`,
    request: requestOf(of.number, of.request),
    nowMs,
  });
  if (added.is !== "added") throw new Error(`the run was not added: ${added.is}`);
  await claimRun(store.db, { ...claimantOf(of.holder ?? "me"), run: id, nowMs, leaseMs: 30_000 });
  const run = await findRun(store.db, id);
  if (!run) throw new Error("the run is gone");
  return run;
}
