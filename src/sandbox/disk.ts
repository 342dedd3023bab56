import { existsSync } from "node:fs";
import { chmod, chown, open, readFile, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";

export interface DiskSize {
  bytes: number;
  /** Files and folders that fit on it, whatever their size. */
  inodes: number;
}

/**
 * Makes the folder of a run's volume a file system of its own, of a fixed size: a file beside it, mounted over it. What fills it up
 * gets "no space left", and nobody else notices. The file goes with the volume. Idempotent. Returns false where this machine cannot
 * (no loop devices): the folder is as it was, and the check "host.disk" says so.
 */
export async function ensureDisk(folder: string, { uid, size }: { uid: number; size: DiskSize }): Promise<boolean> {
  if (await isMounted(folder)) return true;
  const image = join(dirname(folder), "disk.img");
  // Of before a restart of the machine: gone on with where it is whole.
  if (await mountAgain(image, folder)) return true;
  // Made anew: one that an attempt left behind before it was mounted may be half made.
  await rm(image, { force: true });
  await using file = await open(image, "wx", 0o600);
  // Sparse: it takes from the host what is written, no more.
  await file.truncate(size.bytes);
  try {
    // No journal: after a crash of the host the run is ended anyway, and made anew.
    const shape = ["-q", "-F", "-m", "0", "-N", `${size.inodes}`, "-O", "^has_journal", "-E", "lazy_itable_init=1"];
    await run("mkfs.ext4", [...shape, image]);
    await run("mount", ["-t", "ext4", "-o", mountOptions, image, folder]);
  } catch {
    await rm(image, { force: true });
    return false;
  }
  await rmdir(join(folder, "lost+found"));
  await chown(folder, uid, uid);
  await chmod(folder, 0o700);
  return true;
}

const mountOptions = "loop,nosuid,nodev,noatime";

async function mountAgain(image: string, folder: string): Promise<boolean> {
  if (!existsSync(image)) return false;
  try {
    // Exit code 1: mended. There is no journal to play back.
    await run("e2fsck", ["-p", image]).catch((error: { exitCode?: number }) => {
      if (error.exitCode !== 1) throw error;
    });
    await run("mount", ["-t", "ext4", "-o", mountOptions, image, folder]);
  } catch {
    return false;
  }
  return true;
}

/** Gives a folder and all in it to `uid`, where it is not that one's: a run that goes on may do so under another. Links themselves, and not
 *  what they point at. */
export async function giveFolder(folder: string, uid: number): Promise<void> {
  if ((await stat(folder)).uid !== uid) await run("chown", ["--recursive", "--no-dereference", "-P", `${uid}:${uid}`, folder]);
}

/** Takes the file system off the folder, if there is one. The engine can then remove the volume, file and all. */
export async function releaseDisk(folder: string): Promise<void> {
  // Busy for a moment after a container's end: whoever removes tries again.
  if (await isMounted(folder)) await run("umount", [folder]).catch(() => {});
}

async function isMounted(folder: string): Promise<boolean> {
  const rows = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return rows.some((row) => row.split(" ")[4] === folder);
}

async function run(file: string, args: string[]): Promise<void> {
  const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C" };
  await execa(file, args, { env, extendEnv: false, stdin: "ignore", timeout: 30_000 });
}
