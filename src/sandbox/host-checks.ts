import { readFile, readlink } from "node:fs/promises";
import type { SandboxCheck } from "../run/check.ts";
import type { Isolation } from "../run/isolation.ts";
import { runUids } from "./uids.ts";

/** What the host's own kernel says of a sandbox, past the engine and past the sandbox: texts of /proc/PID of its first program. */
export interface HostSight {
  /** /proc/PID/net/dev */
  interfaces: string;
  /** /proc/PID/mountinfo */
  mounts: string;
  /** /proc/PID/status */
  status: string;
  /** The host's own /proc/self/mountinfo. */
  hostMounts: string;
  /** Whether it is in a user namespace of its own, where a capability is worth nothing outside. */
  ownUserNamespace: boolean;
}

/** `pid`: of the sandbox's first program, by the host's count. Throws where one of the files cannot be read. */
export async function observeHost(pid: number): Promise<HostSight> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8");
  const [interfaces, mounts, status, hostMounts] = await Promise.all([
    read("net/dev"),
    read("mountinfo"),
    read("status"),
    readFile("/proc/self/mountinfo", "utf8"),
  ]);
  const [theirs, ours] = await Promise.all([readlink(`/proc/${pid}/ns/user`), readlink("/proc/self/ns/user")]);
  return { interfaces, mounts, status, hostMounts, ownUserNamespace: theirs !== ours };
}

export interface HostExpectation {
  mode: "sealed" | "firewalled";
  isolation: Isolation["kind"];
  uid: number;
  /** The engine's name of the run's volume. */
  volume: string;
  /** Where the spec's own mounts appear: "/work", "/airlock" … `ro` where they must be read-only. */
  mounts: readonly { target: string; readOnly: boolean }[];
}

/** Pure. One check for each of `hostCheckNames`. */
export function hostChecks(seen: HostSight, wanted: HostExpectation): SandboxCheck[] {
  const kept =
    wanted.isolation === "gvisor"
      ? [guestMounts(seen), guestDisk(seen, wanted), guestPrivileges(seen)]
      : [mounts(seen, wanted), disk(seen), privileges(seen, wanted)];
  const rows = [network(seen, wanted), ...kept];
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
  // hole0: where everything goes that has no way out. up0: the cable of a way out that is not the engine's.
  const allowed = mode === "sealed" ? ["lo"] : ["eth0 hole0 lo", "eth0 hole0 lo up0"];
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

/** Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
function readMounts(text: string): { at: string; readOnly: boolean; kind: string }[] {
  const lines = text.split("\n").filter(Boolean);
  return lines.map((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , , at = "", options = ""] = before.split(" ");
    return { at, readOnly: options.split(",").includes("ro"), kind: after.split(" ")[0] ?? "" };
  });
}

function mounts({ mounts: text }: HostSight, wanted: HostExpectation): Row {
  const found = readMounts(text);
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

/** gVisor's kernel is a process of the host's, and has no file system but an empty one: what the sandbox reads and writes is handed to it. */
function guestMounts({ mounts: text }: HostSight): Row {
  const found = readMounts(text);
  const wrong = found.filter(({ at, readOnly, kind }) =>
    at === "/" ? !readOnly || kind !== "tmpfs" : !kernelKinds.includes(kind),
  );
  const complaints = wrong.map(({ at, kind }) => `${at} (${kind})`).join(", ");
  return ["host.mounts", found.length > 0 && wrong.length === 0, complaints || "gVisor's kernel sees none of the host's"];
}

/** The run's volume as the host mounts it: gVisor's kernel has none of it in its own table. */
function guestDisk({ hostMounts }: HostSight, { volume }: HostExpectation): Row {
  const row = hostMounts.split("\n").find((line) => line.split(" ")[4]?.endsWith(`/volumes/${volume}/_data`));
  return diskRow(row);
}

/** Of the process that is the sandbox's kernel: nobody's, filtered, and what it may do it may in a namespace of its own. */
function guestPrivileges({ status, ownUserNamespace }: HostSight): Row {
  const field = fieldsOf(status);
  const held = ["CapInh", "CapPrm", "CapEff", "CapAmb"].filter((name) => !/^0+$/.test(field(name)));
  const wrong = [
    ...["Uid", "Gid"].filter((name) => !/^([1-9]\d*)(\t\1){3}$/.test(field(name))),
    ...(field("NoNewPrivs") === "1" ? [] : ["NoNewPrivs"]),
    ...(field("Seccomp") === "2" ? [] : ["Seccomp"]),
    ...(ownUserNamespace ? [] : held),
  ];
  const words = wrong.map((name) => `${name} ${field(name)}`).join(", ");
  return ["host.privileges", wrong.length === 0, words || `gVisor's kernel is uid ${field("Uid").split("\t")[0]}, filtered`];
}

/** The run's volume is a file system of its own: what fills it takes nothing from the host. */
function disk({ mounts: text }: HostSight): Row {
  return diskRow(text.split("\n").find((line) => line.split(" ")[4] === "/work"));
}

function diskRow(row: string | undefined): Row {
  const device = row?.split(" - ")[1]?.split(" ")[1] ?? "none";
  return [
    "host.disk",
    /^\/dev\/loop\d+$/.test(device),
    /^\/dev\/loop/.test(device) ? "a disk of its own" : `${device}: no limit holds`,
  ];
}

function fieldsOf(status: string): (name: string) => string {
  return (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim() ?? "missing";
}

function privileges({ status }: HostSight, { uid }: HostExpectation): Row {
  const field = fieldsOf(status);
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
