import { join } from "node:path";
import { parseRunId, type RunId } from "../run/identity.ts";
import type { Reader } from "./api/serve.ts";
import type { ApiUpstream } from "./api/upstream.ts";
import type { TunnelPlace } from "./connect/tunnels.ts";
import { type Door, type DoorWish, openDoor } from "./door.ts";
import type { Caps } from "./model/caps.ts";
import { countSpent, removeLedger } from "./model/ledger.ts";
import { parseModelPolicy } from "./model/policy.ts";
import type { ModelUpstream } from "./model/upstream.ts";
import { decideNetworkRows, keyOf, type NetworkNote, type NetworkRecord } from "./network.ts";
import type { RecordStart } from "./record-start.ts";
import type { KnownPackages } from "./registry/known.ts";
import { PackageScope } from "./registry/scope.ts";
import type { Registries } from "./registry/serve.ts";
import { listSpools, longestRecord, openSpool, type Spool } from "./spool.ts";

export interface DoorsPlace {
  spoolFolder: string;
  backendSocket: string;
  upstream: ModelUpstream;
  registries: Registries;
  api: ApiUpstream;
  caps: Caps;
  tunnels: TunnelPlace;
  onFault?(error: unknown, run: RunId): void;
}

/** All doors of this machine, and the records of those that are closed but not yet acknowledged. */
export class Doors {
  readonly #open = new Map<RunId, Door>();
  readonly #spools = new Map<RunId, Spool>();
  readonly #readers = new Map<RunId, Reader>();
  readonly #packages = new Map<RunId, PackageScope>();
  readonly #networks = new Map<RunId, Promise<NetworkRecord>>();
  readonly #place: DoorsPlace;

  constructor(place: DoorsPlace) {
    this.#place = place;
    // Left by a gateway that ended: followers wait until their door is opened again, or closed.
    for (const run of listSpools(place.spoolFolder)) this.#spools.set(run, openSpool(place.spoolFolder, run));
  }

  /** Idempotent for the same wish. A record of an earlier life is gone on with. */
  async open(wish: DoorWish, start?: RecordStart): Promise<Door> {
    const known = this.#open.get(wish.run);
    if (known && !known.isBroken() && JSON.stringify(known.wish) === JSON.stringify(wish)) return known;
    await this.close(wish.run, 0);
    const spool = this.#spools.get(wish.run) ?? openSpool(this.#place.spoolFolder, wish.run, start);
    if (start) countSpent(this.#place.spoolFolder, wish.run, start.spent);
    spool.resume();
    const door = await openDoor(wish, {
      ...this.#place,
      spool,
      packages: this.#packagesOf(wish.run),
      reader: () => this.#readers.get(wish.run),
    });
    this.#spools.set(wish.run, spool);
    this.#open.set(wish.run, door);
    return door;
  }

  /** Returns the number of the last row; 0 if there is no record. */
  async close(run: RunId, graceMs: number): Promise<number> {
    const door = this.#open.get(run);
    if (door) {
      await door.close(graceMs);
      this.#open.delete(run);
    }
    this.#readers.delete(run);
    const spool = this.#spools.get(run);
    spool?.end();
    return spool?.lastSeq() ?? 0;
  }

  list(): { run: RunId; open: boolean; folder: string | null; lastSeq: number }[] {
    return [...this.#spools].map(([run, spool]) => {
      const door = this.#open.get(run);
      return { run, open: door !== undefined && !door.isBroken(), folder: door?.wish.folder ?? null, lastSeq: spool.lastSeq() };
    });
  }

  findSpool(run: RunId): Spool | undefined {
    return this.#spools.get(run);
  }

  /** Forgets a closed door's record once the App has all of it. */
  acknowledge(run: RunId, seq: number): boolean {
    const spool = this.#spools.get(run);
    if (!spool || this.#open.has(run) || spool.lastSeq() !== seq) return false;
    spool.remove();
    removeLedger(this.#place.spoolFolder, run);
    this.#spools.delete(run);
    this.#networks.delete(run);
    this.#packagesOf(run).forget();
    this.#packages.delete(run);
    return true;
  }

  /** What the base commit of this run names. Told again after a gateway that ended: it is not kept. */
  tellPackages(run: RunId, known: KnownPackages): void {
    this.#packagesOf(run).tell(known);
  }

  /** A token that reads the run's repository, held in memory until the door closes. */
  tellReader(run: RunId, reader: Reader): void {
    this.#readers.set(run, reader);
  }

  /** Adds the rows that the record lacks. False where the run has none (any more). */
  async noteNetwork(run: RunId, note: NetworkNote): Promise<boolean> {
    const spool = this.#spools.get(run);
    if (!spool) return false;
    const reading = this.#networks.get(run) ?? readNetwork(spool);
    this.#networks.set(run, reading);
    const recorded = await reading;
    for (const row of decideNetworkRows(recorded, note)) {
      // The last place belongs to the row that says that the record is full.
      if (spool.lastSeq() >= longestRecord - 1) break;
      const still = { atMs: Date.now(), bytesIn: 0, bytesOut: 0, status: 0, durationMs: 0 };
      spool.append({ ...still, door: "network", verdict: "refused", ...row });
      recorded.set(keyOf(row), (recorded.get(keyOf(row)) ?? 0) + row.times);
    }
    return true;
  }

  /** What an open door still waits for. */
  lacks(run: RunId): { packages: boolean } {
    return { packages: !this.#packagesOf(run).told };
  }

  #packagesOf(run: RunId): PackageScope {
    const { spoolFolder, registries } = this.#place;
    const made = () => new PackageScope(join(spoolFolder, `${run}.new-names`), registries.settings.newPackages);
    const scope = this.#packages.get(run) ?? made();
    this.#packages.set(run, scope);
    return scope;
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((run) => this.close(run, 0)));
  }
}

/** After a gateway that ended: what stands in the record is all that is known. */
async function readNetwork(spool: Spool): Promise<NetworkRecord> {
  const recorded: NetworkRecord = new Map();
  for await (const row of spool.rows())
    if (row.door === "network") recorded.set(keyOf(row), (recorded.get(keyOf(row)) ?? 0) + (row.times ?? 1));
  return recorded;
}

export function parseDoorWish(run: string, body: unknown): DoorWish | undefined {
  const id = parseRunId(run);
  const { folder, repository, model } = (body ?? {}) as Record<string, unknown>;
  if (repository !== undefined && repository !== `${id}.git`) return undefined;
  if (!id || typeof folder !== "string" || !folder.startsWith("/") || folder.includes("\0")) return undefined;
  const policy = parseModelPolicy(model ?? {});
  return policy && { run: id, folder, policy };
}
