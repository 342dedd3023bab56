import { randomBytes } from "node:crypto";
import { link, mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../../fault.ts";
import { findRegisteredApp, type RegisteredApp, registeredAppPath } from "../../settings/registered.ts";

/**
 * Sees that the App's key can be kept: the data folder is there, 0700, writable, and holds no other App's key. Before GitHub is
 * asked, because it gives the key once. Throws Fault "settings.AIRLOCK_DATA".
 */
export async function ensureKeepable(dataFolder: string): Promise<void> {
  const held = findRegisteredApp(dataFolder);
  if (held)
    throw new Fault("settings.AIRLOCK_DATA", `${dataFolder} holds the key of the App ${held.slug} on ${held.host}`, {
      remedy: "Choose another AIRLOCK_DATA for this one, so that the key is not lost",
    });
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    const probe = join(dataFolder, `probe-${randomBytes(4).toString("hex")}`);
    await (await open(probe, "wx", 0o600)).close();
    await rm(probe);
  } catch (cause) {
    throw new Fault("settings.AIRLOCK_DATA", `${dataFolder} cannot be written`, {
      remedy: "Set AIRLOCK_DATA to a folder that the user who starts Airlock owns",
      cause,
    });
  }
}

/** Writes the App's identity, mode 0600, whole or not at all, through to the disk. Fails where there is one already. */
export async function keepRegisteredApp(dataFolder: string, app: RegisteredApp): Promise<void> {
  const path = registeredAppPath(dataFolder);
  const temporary = `${path}.${randomBytes(4).toString("hex")}`;
  const { id, slug, host, owner, privateKey, webhookSecret } = app;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ id, slug, host, owner, privateKey, webhookSecret }, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // Not rename: a key that is there already is not overwritten.
  await link(temporary, path);
  await rm(temporary);
  const folder = await open(dirname(path), "r");
  await folder.sync();
  await folder.close();
}
