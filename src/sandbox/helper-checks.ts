import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../fault.ts";
import type { Daemon } from "../privilege/start.ts";
import { findConfinementFault } from "../privilege/status.ts";
import type { SandboxCheck } from "../run/check.ts";

/** A process of ours that meets the agent's bytes: the gateway, or one of the two git hosts. */
export interface Helper {
  name: HelperName;
  account: { uid: number; gid: number } | undefined;
  network: "host" | "none";
  /** Folders whose files it may hold open. */
  folders: readonly string[];
  /** Asked anew at each look: it may have been started again. Undefined: it does not answer. */
  health(): Promise<{ pid: number } | undefined>;
}

export type HelperName = (typeof helperNames)[number];
const helperNames = ["gateway", "git-runs", "git-bases"] as const;

/** `folder`: its own, beside the one of its control socket. */
export function describeHelper(of: {
  name: HelperName;
  account: { uid: number; gid: number } | undefined;
  daemon: Pick<Daemon, "controlSocket" | "health"> | undefined;
  folder: string;
}): Helper {
  const { name, account, daemon, folder } = of;
  return {
    ...{ name, account, network: name === "gateway" ? "host" : "none" },
    folders: [folder, ...(daemon ? [dirname(daemon.controlSocket)] : [])],
    health: async () => daemon?.health(),
  };
}

/** What no helper may reach: the engine's socket, the store, the App's keys. */
export interface OutOfReach {
  paths: readonly string[];
}

export const helperCheckNames: readonly string[] = helperNames.flatMap((name) => [
  `host.${name}.privileges`,
  `host.${name}.environment`,
  `host.${name}.descriptors`,
  `host.${name}.reach`,
  ...(name === "gateway" ? [] : [`host.${name}.network`]),
]);

/** Looks at each helper's process as the kernel shows it. A look that fails is a failed check. Some milliseconds for all. */
export async function checkHelpers(helpers: readonly Helper[], secret: OutOfReach): Promise<SandboxCheck[]> {
  return (await Promise.all(helpers.map((helper) => checkHelper(helper, secret)))).flat();
}

/** Which processes the helpers are just now; undefined for one that does not answer. */
export async function observeHelpers(helpers: readonly Helper[]): Promise<(number | undefined)[]> {
  return Promise.all(helpers.map(async (helper) => (await helper.health().catch(() => undefined))?.pid));
}

/** Where one of them died meanwhile, or is away, what was looked at says nothing for certain. Throws Fault "daemon.away". */
export async function demandSameHelpers(helpers: readonly Helper[], before: readonly (number | undefined)[]): Promise<void> {
  const now = await observeHelpers(helpers);
  const gone = helpers.filter((_, nth) => now[nth] === undefined || now[nth] !== before[nth]).map(({ name }) => name);
  if (gone.length === 0) return;
  throw new Fault("daemon.away", `Airlock's own ${gone.join(" and ")} ended while a sandbox was looked at`, {
    remedy: "Nothing to do: it is started again, and so are the checks. Airlock's log tells why it ended",
  });
}

type Look = (pid: number) => Promise<[ok: boolean, seen: string]>;

async function checkHelper(helper: Helper, secret: OutOfReach): Promise<SandboxCheck[]> {
  const health = await helper.health().catch(() => undefined);
  const looks: Record<string, Look> = {
    privileges: (pid) => privileges(pid, helper),
    environment,
    descriptors: (pid) => descriptors(pid, helper),
    reach: () => reach(helper, secret),
    ...(helper.network === "none" && { network }),
  };
  return Promise.all(
    Object.entries(looks).map(async ([what, look]): Promise<SandboxCheck> => {
      const name = `host.${helper.name}.${what}`;
      try {
        if (!health) return { name, side: "outside", ok: false, seen: "does not answer" };
        const [ok, seen] = await look(health.pid);
        return { name, side: "outside", ok, seen: seen.slice(0, 200) };
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        return { name, side: "outside", ok: false, seen: `error ${code ?? (error instanceof Error ? error.name : "")}` };
      }
    }),
  );
}

async function privileges(pid: number, { account }: Helper): Promise<[boolean, string]> {
  if (!account) return [false, "shares the App's uid"];
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const status = await readFile(`/proc/${pid}/task/${thread}/status`, "utf8").catch(() => undefined);
    // A thread may have ended meanwhile; the first one lives as long as the process.
    if (status === undefined && thread !== `${pid}`) continue;
    const fault = findConfinementFault(status ?? "", account);
    if (fault) return [false, fault];
  }
  return [true, `uid ${account.uid}, no group, nothing held`];
}

/** Exactly what the launcher and its shell give, and none of it is secret. */
const given = ["PATH", "LANG", "HOME", "PWD"];

async function environment(pid: number): Promise<[boolean, string]> {
  const names = (await readFile(`/proc/${pid}/environ`, "utf8"))
    .split("\0")
    .filter(Boolean)
    .map((entry) => entry.split("=")[0] ?? "");
  return [names.length > 0 && names.every((name) => given.includes(name)), names.join(" ") || "empty"];
}

async function descriptors(pid: number, { folders }: Helper): Promise<[boolean, string]> {
  const targets = await Promise.all(
    // One that was closed meanwhile holds nothing.
    (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "/dev/null")),
  );
  const harmless = /^(socket:|pipe:|anon_inode:|\/dev\/(null|zero|u?random)$)/;
  const others = targets.filter(
    (target) => !harmless.test(target) && !folders.some((folder) => target === folder || target.startsWith(`${folder}/`)),
  );
  return [targets.length > 0 && others.length === 0, others.join(", ") || `${targets.length}, none but its own`];
}

/** By owner and mode, as the kernel would decide: it has no group but its own, and no capability that passes by them. */
async function reach({ account }: Helper, { paths }: OutOfReach): Promise<[boolean, string]> {
  if (!account) return [false, "shares the App's uid"];
  const open: string[] = [];
  for (const path of paths) {
    const seen = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (!seen) continue;
    const bits = seen.uid === account.uid ? seen.mode >> 6 : seen.gid === account.gid ? seen.mode >> 3 : seen.mode;
    if ((bits & 7) !== 0) open.push(path);
  }
  return [open.length === 0, open.join(", ") || "neither engine, store nor keys"];
}

async function network(pid: number): Promise<[boolean, string]> {
  const rows = (await readFile(`/proc/${pid}/net/dev`, "utf8")).split("\n").slice(2);
  const names = rows
    .map((row) => row.split(":")[0]?.trim() ?? "")
    .filter((name) => name !== "" && !/^(tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)$/.test(name));
  return [names.join() === "lo", names.join(" ") || "none"];
}
