import { readFile } from "node:fs/promises";
import type { SandboxCheck } from "../run/check.ts";
import { runUids } from "./uids.ts";

/** What the host's own kernel says of a sandbox, past the engine and past the sandbox: texts of /proc/PID of its first program. */
export interface HostSight {
  /** /proc/PID/net/dev */
  interfaces: string;
  /** /proc/PID/mountinfo */
  mounts: string;
  /** /proc/PID/status */
  status: string;
}

/** `pid`: of the sandbox's first program, by the host's count. Throws where one of the files cannot be read. */
export async function observeHost(pid: number): Promise<HostSight> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8");
  const [interfaces, mounts, status] = await Promise.all([read("net/dev"), read("mountinfo"), read("status")]);
  return { interfaces, mounts, status };
}

export interface HostExpectation {
  mode: "sealed" | "firewalled";
  uid: number;
  /** Where the spec's own mounts appear: "/work", "/airlock" … `ro` where they must be read-only. */
  mounts: readonly { target: string; readOnly: boolean }[];
}

/** Pure. One check for each of `hostCheckNames`. */
export function hostChecks(seen: HostSight, wanted: HostExpectation): SandboxCheck[] {
  const rows = [network(seen, wanted), mounts(seen, wanted), disk(seen), privileges(seen, wanted)];
  return rows.map(([name, ok, text]) => ({ name, side: "outside", ok, seen: text.slice(0, 200) }));
}

type Row = [name: string, ok: boolean, seen: string];

function network({ interfaces }: HostSight, { mode }: HostExpectation): Row {
  const names = interfaces
    .split("\n")
    .slice(2)
    .map((row) => row.split(":")[0]?.trim() ?? "")
    // Kernels with these modules show them in every new namespace; they are down, and bringing one up takes a capability.
    .filter((name) => name !== "" && !/^(tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)$/.test(name));
  // up0: the cable of a way out that is not the engine's. The rules name no interface: they hold for each.
  const allowed = mode === "sealed" ? ["lo"] : ["eth0 lo", "eth0 lo up0"];
  return ["host.network", allowed.includes(names.sort().join(" ")), names.join(" ") || "none"];
}

/** Mount points of the engine's own making, by exact path. What lies under /proc, /sys and /dev is known by its kind. */
const usual = [
  "/",
  "/tmp",
  "/run",
  "/etc/resolv.conf",
  "/etc/hostname",
  "/etc/hosts",
  "/sbin/docker-init",
  "/usr/sbin/docker-init",
];
const kernelKinds = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"];
const onlyReadable = ["/", "/sys", "/proc/sys", "/sbin/docker-init", "/usr/sbin/docker-init"];

function mounts({ mounts: text }: HostSight, wanted: HostExpectation): Row {
  const found = text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const [, , , , at = "", options = ""] = before.split(" ");
      return { at, readOnly: options.split(",").includes("ro"), kind: after.split(" ")[0] ?? "" };
    });
  const wrong = found.filter(({ at, readOnly, kind }) => {
    const own = wanted.mounts.find(({ target }) => target === at);
    if (own) return own.readOnly && !readOnly;
    if (/^\/(proc|sys|dev)(\/|$)/.test(at)) return !kernelKinds.includes(kind) || (onlyReadable.includes(at) && !readOnly);
    return !usual.includes(at) || (onlyReadable.includes(at) && !readOnly);
  });
  const lacking = wanted.mounts.filter(({ target }) => !found.some(({ at }) => at === target));
  const complaints = [...wrong.map(({ at, kind }) => `${at} (${kind})`), ...lacking.map(({ target }) => `no ${target}`)];
  return ["host.mounts", found.length > 0 && complaints.length === 0, complaints.join(", ") || `${found.length}, none but ours`];
}

/** The run's volume is a file system of its own: what fills it takes nothing from the host. */
function disk({ mounts: text }: HostSight): Row {
  const row = text.split("\n").find((line) => line.split(" ")[4] === "/work");
  const device = row?.split(" - ")[1]?.split(" ")[1] ?? "none";
  return [
    "host.disk",
    /^\/dev\/loop\d+$/.test(device),
    /^\/dev\/loop/.test(device) ? "a disk of its own" : `${device}: no limit holds`,
  ];
}

function privileges({ status }: HostSight, { uid }: HostExpectation): Row {
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim() ?? "missing";
  const ids = `${uid}\t${uid}\t${uid}\t${uid}`;
  const wrong = [
    ...["Uid", "Gid"].filter((name) => field(name) !== ids),
    ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].filter((name) => !/^0+$/.test(field(name))),
    ...(field("NoNewPrivs") === "1" ? [] : ["NoNewPrivs"]),
    ...(field("Seccomp") === "2" ? [] : ["Seccomp"]),
    ...(["", `${uid}`].includes(field("Groups")) ? [] : ["Groups"]),
    ...(uid >= runUids.first && uid < runUids.first + runUids.count ? [] : ["range"]),
  ];
  return [
    "host.privileges",
    wrong.length === 0,
    wrong.map((name) => `${name} ${field(name)}`).join(", ") || `uid ${uid}, nothing held`,
  ];
}

export const hostCheckNames: readonly string[] = ["host.network", "host.mounts", "host.disk", "host.privileges"];
