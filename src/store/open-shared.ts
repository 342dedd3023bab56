import type { Secret } from "../secret/secret.ts";
import { assembleStore } from "./assemble.ts";
import type { Store } from "./open.ts";
import { openPostgres } from "./postgres.ts";

/**
 * A database that several processes share, and nothing on this machine's disk. Throws Fault "store.newer", "store.unavailable",
 * "store.too-old".
 */
export async function openSharedStore(of: { url: Secret; onError: (error: unknown) => void }): Promise<Store> {
  return assembleStore(await openPostgres(of), { shared: true, onError: of.onError });
}
