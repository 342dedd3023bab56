// What the probe looks for where gVisor keeps the sandbox: its kernel is its own and answers differently, though it gives no more. Each
// difference was seen with a real gVisor; a check that is not named here is held to the same as under runc.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What it says of an address that no interface leads to. */
export const gvisorNoWay = ["ENETUNREACH", "EHOSTUNREACH"];

/** Devices of its own, behind which there is nothing of the host's. */
export const gvisorDevices = ["fuse", "net"];

/** EAFNOSUPPORT, EPROTONOSUPPORT and ESOCKTNOSUPPORT: it has no such family at all. EACCES: keyctl. */
const absent = ["93", "94", "97"];

/** Calls that reach no further than its own kernel, which is what they are refused for under runc. */
const guestOnly = ["calls.user-namespace", "calls.ptrace"];

/** The verdict on one line of syscalls.pl. */
export const gvisorCall = (name, errno) => {
  if (guestOnly.includes(name)) return [true, errno === "0" ? "given by gVisor's own kernel" : `errno ${errno}`];
  if (name === "calls.keyctl") return [["1", "13", "38"].includes(errno), `errno ${errno}`];
  return [errno === "1" || (name.startsWith("sockets.") && absent.includes(errno)), errno === "0" ? "given" : `errno ${errno}`];
};

export const gvisorChecks = ({ status, refusal, writable, statusIs }) => {
  const isReadOnly = async (path) => {
    const rows = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((row) => row.split(" "));
    return rows.some((row) => row[4] === path && row[5].split(",").includes("ro"));
  };
  return {
    capabilities: async () => {
      // Of the ambient set it says nothing before 2026.
      const sets = (await Promise.all(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(status))).filter(
        (set, at) => at < 4 || set !== "none",
      );
      return [sets.every((set) => /^0+$/.test(set)), sets.every((set) => /^0+$/.test(set)) ? "none" : sets.join(" ")];
    },
    "no-new-privileges": async () => {
      const [ok, seen] = await statusIs("NoNewPrivs", "1")();
      if (seen !== "none") return [ok, seen];
      const { stdout } = await run("perl", ["-e", `print syscall(${process.arch === "arm64" ? 167 : 157}, 39, 0, 0, 0, 0)`]);
      return [stdout === "1", `prctl ${stdout}`];
    },
    // The filter that counts is on the process that is its kernel: the host's side looks at it.
    seccomp: async () => {
      const seen = await status("Seccomp");
      return [["0", "2"].includes(seen), `${seen} within, the kernel's own is looked at from outside`];
    },
    "root.read-only": async () => {
      const seen = await refusal(() => writable("/usr/airlock-probe"));
      return [["EROFS", "EACCES"].includes(seen) && (await isReadOnly("/")), seen];
    },
    "door.read-only": async () => {
      const seen = await refusal(() => writable("/airlock/airlock-probe"));
      return [["EROFS", "EACCES"].includes(seen) && (await isReadOnly("/airlock")), seen];
    },
    // Its /proc is its own: there is no mount of the host's to look at, and kernel.proc-sys tries to write.
    "kernel.proc-sys-mount": async () => [await isReadOnly("/sys"), "/proc/sys is gVisor's own"],
    "core-dumps": async () => {
      const { stdout } = await run("bash", ["-c", "ulimit -Hc"]);
      return [stdout.trim() === "0", `ulimit ${stdout.trim()}`];
    },
  };
};
