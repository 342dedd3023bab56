import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { Fault } from "../fault.ts";

/** Makes a folder with exactly this owner and mode, its missing parents 0711, or puts right one that is there. Never through a link.
 *  `uid` and `gid` are left alone where they are undefined (not root). `mode`: with the setgid bit where children are to inherit the group. */
export async function ensureFolder(folder: {
  path: string;
  mode: number;
  uid?: number | undefined;
  gid?: number | undefined;
}): Promise<void> {
  await mkdir(folder.path, { recursive: true, mode: 0o711 });
  const seen = await lstat(folder.path);
  // chmod and chown follow links: a link here would hand out another folder.
  if (!seen.isDirectory()) {
    throw new Fault("settings.folder", `${folder.path} is not a folder`, {
      remedy: "Remove it, or point AIRLOCK_DATA elsewhere",
    });
  }
  const uid = folder.uid ?? seen.uid;
  const gid = folder.gid ?? seen.gid;
  if (seen.uid !== uid || seen.gid !== gid) await chown(folder.path, uid, gid);
  // After chown, which clears the setgid bit.
  await chmod(folder.path, folder.mode);
}
