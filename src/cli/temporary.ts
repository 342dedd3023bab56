import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** A folder for one process, which nobody uses any more when that process has ended, however it ended. */
export interface TemporaryFolder extends AsyncDisposable {
  path: string;
}

const owner = z.strictObject({
  pid: z.int().positive(),
  /** Its start, in the kernel's ticks: a number that was given again is another process. */
  startedAt: z.string().regex(/^\d{1,20}$/),
  /** Numbers of another namespace say nothing here. */
  pidNamespace: z.string(),
});
type Owner = z.infer<typeof owner>;

const ownerFile = "owner.json";

/** Makes a folder below the temporary one, and writes down whose it is. Disposing removes it. */
export function openTemporaryFolder(prefix: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(path, ownerFile), JSON.stringify(myself()), { mode: 0o600, flag: "wx" });
  return { path, [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }) };
}

/** Folders of this user with that prefix whose process has ended. One that does not say whose it is, or not so that it can be
 *  known here, is somebody's. */
export async function findDeserted(prefix: string): Promise<string[]> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  const looked = await Promise.all(
    names.map(async (name) => ((await isDeserted(join(tmpdir(), name))) ? [join(tmpdir(), name)] : [])),
  );
  return looked.flat();
}

async function isDeserted(path: string): Promise<boolean> {
  const seen = await lstat(path).catch(() => undefined);
  if (!seen?.isDirectory() || seen.uid !== process.getuid?.()) return false;
  const text = await readFile(join(path, ownerFile), "utf8").catch(() => "");
  const parsed = owner.safeParse(parseJson(text));
  return parsed.success && parsed.data.pidNamespace === pidNamespace() && startOf(parsed.data.pid) !== parsed.data.startedAt;
}

function myself(): Owner {
  return { pid: process.pid, startedAt: startOf(process.pid) ?? "", pidNamespace: pidNamespace() };
}

function pidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid");
}

/** Undefined where there is no such process. The 22nd field; the second may hold spaces and brackets. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
