import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../fault.ts";

/**
 * What lies in a store's folder beside `pg`, the database:
 *   restoring-…   a restore at work: nothing yet, and removed by the next one
 *   restored-…    a whole restored store. As long as `pg` is in it, it is to take the place of the present one; what else is in it
 *                 waits for the next start, which takes it up and removes the rest
 *   replaced-…    the store that stood there before
 *   moved-…       the store whose rows are on a PostgreSQL server now
 * What was set aside is never removed by Airlock.
 */
export type PlaceKind = "restoring" | "restored" | "replaced" | "moved";

export function placeName(kind: PlaceKind, stamp: string): string {
  return `${kind}-${stamp}`;
}

/** Oldest first. */
export function listPlaces(folder: string, kind: PlaceKind): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((name) => name.startsWith(`${kind}-`))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * Carries a decided restore to its end: sets the present store aside and puts the restored one in its place. Killed at any point, it is
 * gone on with by whoever takes the folder next, so that nobody meets half of it, or an empty place. To be called with the folder's lock.
 * Answers where the store that stood there is now.
 */
export function placeRestored(folder: string): string | undefined {
  const restored = listPlaces(folder, "restored").findLast((place) => existsSync(join(place, "pg")));
  if (restored === undefined) return undefined;
  const aside = join(folder, placeName("replaced", stampOf(restored)));
  setAside(join(folder, "pg"), aside);
  // Work of an earlier restore that no start has taken up yet belongs to the store that goes.
  for (const earlier of listPlaces(folder, "restored")) if (earlier !== restored) setAside(earlier, aside);
  renameSync(join(restored, "pg"), join(folder, "pg"));
  return existsSync(aside) ? aside : undefined;
}

function setAside(path: string, aside: string): void {
  if (!existsSync(path)) return;
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  renameSync(path, join(aside, path.slice(path.lastIndexOf("/") + 1)));
}

function stampOf(place: string): string {
  return place.slice(place.lastIndexOf("restored-") + "restored-".length);
}

/** What the move wrote down beside the store that it set aside. */
export interface Moved {
  /** Of the rows, in whatever order. */
  digest: string;
  rows: number;
}

/** The newest store whose rows are on a server now. */
export function findMoved(folder: string): { place: string; moved: Moved } | undefined {
  const place = listPlaces(folder, "moved").findLast((each) => existsSync(join(each, "pg")));
  return place === undefined ? undefined : { place, moved: JSON.parse(readFileSync(join(place, "moved.json"), "utf8")) as Moved };
}

/** An empty store in the place of one that was moved would begin everything anew. Throws Fault "store.moved". */
export function demandNotMoved(folder: string): void {
  const present = join(folder, "pg");
  const earlier = existsSync(present) ? undefined : findMoved(folder);
  if (!earlier) return;
  throw new Fault("store.moved", "The rows of this data folder were moved to a PostgreSQL server, and DATABASE_URL is not set", {
    remedy: `Set DATABASE_URL again; to go back to the rows as they were then, rename ${join(earlier.place, "pg")} to ${present}`,
  });
}
