import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { Fault } from "../fault.ts";

export interface FolderWish {
  path: string;
  /** With the setgid bit where children are to inherit the group. */
  mode: number;
  /** Left alone where they are undefined (not root). */
  uid?: number | undefined;
  gid?: number | undefined;
}

/** Makes a folder with exactly this owner and mode, its missing parents 0711, or puts right one that is there. Never through a link.
 *  Throws Fault "settings.folder" where that cannot be. */
export async function ensureFolder(folder: FolderWish): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new Fault("settings.folder", `${folder.path} cannot be made, or not be made Airlock's own (${code})`, {
      remedy: "Point AIRLOCK_DATA at a folder on a disk that can be written, and that the user who starts Airlock owns",
      cause,
    });
  }
}

async function makeFolder(folder: FolderWish): Promise<void> {
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
