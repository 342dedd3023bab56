// Looks at the sandbox from inside, before anything of the repository is in it, and prints one line:
//   {"airlock":"probe","checks":[{"name":"uid","ok":true,"seen":"700003"} …]}
// Arguments: a public address, a metadata address, a public IPv6 address, a name that must not resolve; the run's id, its uid; what keeps the
// sandbox (runc or gvisor), the host's Linux, whether the agent was tried, the digest of its settings; and where it is firewalled: a URL that must answer, a name that the resolver must refuse.
// Each check stands for one way out; src/sandbox/expected-checks.ts lists the names, and one that is missing here fails there.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { promises as dns } from "node:dns";
import { access, lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { networkInterfaces, release } from "node:os";
import { basename, dirname } from "node:path";
import { promisify } from "node:util";
import { firewalledChecks, unreachable } from "./probe-firewalled.mjs";
import { gvisorCall, gvisorChecks, gvisorDevices, gvisorNoWay } from "./probe-gvisor.mjs";

const [
  publicAddress,
  metadataAddress,
  publicAddress6,
  unresolvableName,
  runId,
  uid,
  keeper,
  hostKernel,
  trial,
  settingsDigest,
  answers,
  refusedName,
] = process.argv.slice(2);
/** Firewalled: there is a network, and what is not allowed in it must be out of reach all the same. */
const firewalled = answers !== undefined;
const isGvisor = keeper === "gvisor";
const noWay = firewalled ? unreachable : isGvisor ? gvisorNoWay : ["ENETUNREACH"];
const run = promisify(execFile);

/** The error's code ("EROFS"), or "given" where there is none. */
const refusal = async (attempt) => {
  try {
    await attempt();
    return "given";
  } catch (error) {
    return error.code ?? error.name;
  }
};
const refusedWith = (codes, attempt) => async () => {
  const seen = await refusal(attempt);
  return [codes.includes(seen), seen];
};
const status = async (key) =>
  new RegExp(`^${key}:\\s*(.*)$`, "m").exec(await readFile("/proc/self/status", "utf8"))?.[1]?.trim() ?? "none";
const statusIs = (key, wanted) => async () => {
  const seen = await status(key);
  return [seen === wanted, seen];
};

/** A machine that is busy holds an honest sandbox up for seconds. */
const patienceMs = 10_000;

const dial = (host, port) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 4000 });
    socket.once("connect", () => resolve(socket.destroy()));
    socket.once("timeout", () => reject(Object.assign(socket.destroy(), { code: "timeout" })));
    socket.once("error", reject);
  });
const send = (host, port) =>
  new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.send("probe", port, host, (error) => socket.close(() => (error ? reject(error) : resolve())));
  });

/** The forwarder may be a moment from listening: refused connections are tried again. */
const askGateway = async () => {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        const asked = request({ host: "127.0.0.1", port: 8090, path: "/healthz", timeout: patienceMs }, async (response) => {
          let body = "";
          for await (const part of response.setEncoding("utf8")) if (body.length < 4096) body += part;
          resolve({ code: response.statusCode, body });
        });
        asked.once("timeout", () => asked.destroy(new Error("timeout")));
        asked.once("error", reject);
        asked.end();
      });
    } catch (error) {
      if (error.code !== "ECONNREFUSED" || Date.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
};

const writable = async (path) => writeFile(path, "x", { flag: "a" });
const anyOf = async (paths) => {
  const found = [];
  for (const path of paths) if ((await refusal(() => access(path))) !== "ENOENT") found.push(path);
  return found;
};

/** Programs that raise rights, sockets, devices: one walk for all. Each line its kind and path. */
const strange = run("find", [
  // Not /work: a fresh one is empty, as home.empty has it. In a run that goes on it is the agent's, whose old sockets lead to nobody, on a
  // disk that knows neither devices nor raised rights.
  ...["/", "/airlock", "/tmp", "/run", "-xdev"],
  ...["(", "-type", "f", "-perm", "/6000", "-o", "-type", "s", "-o", "-type", "b", "-o", "-type", "c", ")", "-printf", "%y %p\n"],
]).then(
  ({ stdout }) => stdout.split("\n").filter(Boolean),
  // 1: it went on past a folder that this uid may not list (the door's is one). Anything else: it did not look.
  (error) => (error.code === 1 ? error.stdout.split("\n").filter(Boolean) : Promise.reject(error)),
);
strange.catch(() => {});

const settingsPath = "/etc/claude-code/managed-settings.json";

const checks = {
  // runc shares the host's kernel, gVisor brings its own: what was asked for must be what answers.
  isolation: async () => [
    ["runc", "gvisor"].includes(keeper) && (release() === hostKernel) === (keeper === "runc"),
    `${keeper}, Linux ${release()} answers`,
  ],
  uid: async () => [process.getuid() === Number(uid) && process.geteuid() === Number(uid), `${process.getuid()}`],
  gid: async () => [process.getgid() === Number(uid) && process.getegid() === Number(uid), `${process.getgid()}`],
  groups: async () => {
    const others = process.getgroups().filter((group) => group !== Number(uid));
    return [others.length === 0, others.join(" ") || "none"];
  },
  capabilities: async () => {
    const sets = await Promise.all(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(status));
    return [sets.every((set) => /^0+$/.test(set)), sets.every((set) => /^0+$/.test(set)) ? "none" : sets.join(" ")];
  },
  "no-new-privileges": statusIs("NoNewPrivs", "1"),
  seccomp: statusIs("Seccomp", "2"),
  "root.read-only": refusedWith(["EROFS"], () => writable("/usr/airlock-probe")),
  "root.mount": async () => {
    const line = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").find((row) => row.split(" ")[4] === "/");
    const options = line?.split(" ")[5] ?? "";
    return [options.split(",").includes("ro"), options];
  },
  "door.read-only": refusedWith(["EROFS"], () => writable("/airlock/airlock-probe")),
  "network.interfaces": async () => {
    const rows = (await readFile("/proc/net/dev", "utf8"))
      .split("\n")
      .slice(2)
      .map((row) => row.split(":")[0].trim())
      .filter(Boolean);
    const names = [...new Set([...rows, ...Object.keys(networkInterfaces())])].filter((name) => !unusableTunnels.test(name));
    return [names.join() === "lo", names.join(" ")];
  },
  "network.routes": async () => {
    const rows = (await readFile("/proc/net/route", "utf8")).split("\n").slice(1).filter(Boolean);
    return [rows.length === 0, `${rows.length}`];
  },
  "network.routes-v6": async () => {
    const text = await readFile("/proc/net/ipv6_route", "utf8").catch((error) =>
      error.code === "ENOENT" ? "" : Promise.reject(error),
    );
    const rows = text.split("\n").filter((row) => row !== "" && !/\slo$/.test(row));
    return [rows.length === 0, `${rows.length}`];
  },
  "network.names": async () => {
    const seen = [];
    for (const look of [() => dns.lookup(unresolvableName), () => dns.resolve4(unresolvableName)]) seen.push(await refusal(look));
    return [seen.every((code) => code !== "given"), seen.join(" ")];
  },
  "network.public-address": refusedWith(noWay, () => dial(publicAddress, 443)),
  "network.public-address-v6": refusedWith([...(isGvisor ? gvisorNoWay : ["ENETUNREACH"]), "EADDRNOTAVAIL", "EAFNOSUPPORT"], () =>
    dial(publicAddress6, 443),
  ),
  "network.public-datagram": refusedWith(noWay, () => send(publicAddress, 443)),
  "network.metadata-address": refusedWith(noWay, () => dial(metadataAddress, 80)),
  "docker-socket": async () => {
    const found = await anyOf([
      "/var/run/docker.sock",
      "/run/docker.sock",
      "/run/containerd/containerd.sock",
      "/run/podman/podman.sock",
    ]);
    return [found.length === 0, found.join(" ") || "absent"];
  },
  gateway: async () => {
    const { code, body } = await askGateway();
    let run;
    try {
      run = JSON.parse(body).run;
    } catch {}
    return [code === 200 && run === runId, `${code} ${run ?? "no run"}`];
  },
  "kernel.proc-sys": refusedWith(["EROFS", "EACCES", "EPERM"], () => writable("/proc/sys/kernel/domainname")),
  "kernel.proc-sys-mount": async () => {
    const rows = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").map((row) => row.split(" "));
    const wanted = ["/proc/sys", "/sys"];
    const loose = wanted.filter((at) => !rows.some((row) => row[4] === at && row[5].split(",").includes("ro")));
    return [loose.length === 0, loose.join(" ") || "read-only"];
  },
  "kernel.sys": refusedWith(["EROFS", "EACCES", "EPERM"], () => writable("/sys/kernel/uevent_helper")),
  devices: async () => {
    const usual = new Set("console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" "));
    if (isGvisor) for (const own of gvisorDevices) usual.add(own);
    const others = (await readdir("/dev")).filter((name) => !usual.has(name));
    return [others.length === 0, others.join(" ") || "usual"];
  },
  "setuid-programs": async () => {
    const found = (await strange).filter((line) => line.startsWith("f "));
    return [found.length === 0, found.slice(0, 3).join(" ") || "none"];
  },
  // Sockets and devices that lie somewhere as files: the door is the only one.
  "special-files": async () => {
    const found = (await strange).filter((line) => !line.startsWith("f ")).map((line) => line.slice(2));
    return [found.every((path) => path === "/airlock/gateway.sock"), found.slice(0, 3).join(" ") || "none"];
  },
  "core-dumps": async () => {
    const seen =
      /^Max core file size\s+(\S+)\s+(\S+)/m
        .exec(await readFile("/proc/self/limits", "utf8"))
        ?.slice(1)
        .join(" ") ?? "unknown";
    return [seen === "0 0", seen];
  },
  // As the agent's own uid reads them: ours to the byte, and with them what keeps other sources of settings out.
  "managed-settings": async () => {
    const bytes = await readFile(settingsPath);
    const settings = JSON.parse(bytes);
    const kept =
      settings.allowManagedHooksOnly && settings.allowManagedPermissionRulesOnly && settings.allowManagedMcpServersOnly;
    const same = createHash("sha256").update(bytes).digest("hex") === settingsDigest;
    return [kept === true && same, `${settings.permissions?.deny?.length ?? 0} deny rules, ${same ? "ours" : "not ours"}`];
  },
  // Nobody but root could change them, wherever the root file system were writable, and no other file of settings lies beside them.
  "managed-settings.alone": async () => {
    const folder = dirname(settingsPath);
    const loose = [];
    for (const path of [settingsPath, folder, dirname(folder), "/"]) {
      const { uid: owner, mode } = await lstat(path);
      if (owner !== 0 || (mode & 0o022) !== 0) loose.push(path);
    }
    const others = (await readdir(folder)).filter((name) => name !== basename(settingsPath));
    const written = await refusal(() => writable(settingsPath));
    const beside = await refusal(() => writable(`${folder}/airlock-probe`));
    const wrong = [...loose.map((path) => `${path} is not root's alone`), ...others];
    return [wrong.length === 0 && written !== "given" && beside !== "given", wrong.join(", ") || `${written} ${beside}`];
  },
  // The agent's home is to be there: what lay in it would be settings of the user's.
  "home.empty": async () => {
    const found = await readdir("/work");
    return [found.length === 0, found.slice(0, 3).join(" ") || "empty"];
  },
};

if (isGvisor) Object.assign(checks, gvisorChecks({ status, statusIs, refusal, writable }));
if (firewalled) {
  for (const sealedOnly of ["network.interfaces", "network.routes"]) delete checks[sealedOnly];
  Object.assign(checks, firewalledChecks({ publicAddress, answers, refusedName, dial, refusal }));
}

/** Kernels with the modules loaded show these in every new namespace; they are down, and bringing one up takes a capability. */
const unusableTunnels = /^(tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)$/;

/** A look that takes longer has met something that answers, or swallows: either is no sandbox of ours. Under gVisor, or beside a
 *  neighbour that keeps the disk busy, an honest walk over the files takes ten seconds. */
const longestLookMs = 25_000;

const within = (limitMs, look) =>
  Promise.race([
    look(),
    new Promise((_, reject) => setTimeout(() => reject(Object.assign(new Error(), { code: "timeout" })), limitMs)),
  ]);

const checked = Object.entries(checks).map(async ([name, look]) => {
  try {
    const [ok, seen] = await within(longestLookMs, look);
    return { name, ok, seen };
  } catch (error) {
    return { name, ok: false, seen: `error ${error.code ?? error.message}` };
  }
});
// EPERM is the profile's own refusal, ENOSYS what it says for io_uring. Any other errno means that the kernel itself was asked.
const calls = run("perl", ["/opt/airlock/syscalls.pl"])
  .then(({ stdout }) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => {
        const [name, errno] = line.split(" ");
        if (isGvisor && name !== "calls.io-uring") {
          const [ok, seen] = gvisorCall(name, errno);
          return { name, ok, seen };
        }
        return {
          name,
          ok: errno === "1" || (name === "calls.io-uring" && errno === "38"),
          seen: errno === "0" ? "given" : `errno ${errno}`,
        };
      }),
  )
  .catch((error) => [{ name: "calls", ok: false, seen: `error ${error.code ?? error.message}` }]);

/** What probe-agent.mjs found before. Where it found nothing, its checks are missing, and fail. */
const tried = trial === "try-agent" ? JSON.parse((await readFile("/run/agent-checks", "utf8").catch(() => "")) || "[]") : [];

const found = [...(await Promise.all(checked)), ...(await calls), ...tried];
// What still waits (a name that no server answers for) is left behind.
process.stdout.write(`${JSON.stringify({ airlock: "probe", checks: found })}\n`, () => process.exit(0));
