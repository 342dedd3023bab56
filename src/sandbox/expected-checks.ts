import { hostCheckNames } from "./host-checks.ts";

/** Of the agent itself, in a folder with hostile settings: sandbox/probe-agent.mjs. */
export const agentCheckNames = ["agent.deny-rules", "agent.repository-settings"] as const;

/** What the probe inside must have looked at: each name is one in sandbox/probe.mjs, probe-agent.mjs or syscalls.pl. */
export const insideChecks: readonly string[] = [
  "isolation",
  "uid",
  "gid",
  "groups",
  "capabilities",
  "no-new-privileges",
  "seccomp",
  "root.read-only",
  "root.mount",
  "door.read-only",
  "network.interfaces",
  "network.routes",
  "network.routes-v6",
  "network.names",
  "network.public-address",
  "network.public-address-v6",
  "network.public-datagram",
  "network.metadata-address",
  "docker-socket",
  "gateway",
  "kernel.proc-sys",
  "kernel.proc-sys-mount",
  "kernel.sys",
  "devices",
  "setuid-programs",
  "special-files",
  "core-dumps",
  "managed-settings",
  "managed-settings.alone",
  "home.empty",
  ...agentCheckNames,
  "sockets.vsock",
  "sockets.alg",
  "sockets.packet",
  "sockets.tipc",
  "sockets.rds",
  "sockets.bluetooth",
  "sockets.raw",
  "sockets.netfilter",
  "calls.io-uring",
  "calls.user-namespace",
  "calls.network-namespace",
  "calls.mount",
  "calls.ptrace",
  "calls.bpf",
  "calls.keyctl",
  "calls.setuid",
  "calls.32-bit",
];

/** What the engine must say of the container (inspect-checks.ts), and what the host's kernel must (host-checks.ts). */
export const outsideChecks: readonly string[] = [
  "engine.running",
  "engine.image",
  "engine.runtime",
  "engine.user",
  "engine.network",
  "engine.capabilities",
  "engine.privileged",
  "engine.security-options",
  "engine.root",
  "engine.mounts",
  "engine.tmpfs",
  "engine.devices",
  "engine.namespaces",
  "engine.limits",
  "engine.log",
  "engine.masked-paths",
  "engine.executions",
  "engine.entrypoint",
  "engine.environment",
  "engine.labels",
  ...hostCheckNames,
];

/** Of a sealed sandbox. */
export const expectedChecks: readonly string[] = [...insideChecks, ...outsideChecks];

/** What a network takes away, and what must hold instead: see sandbox/probe-firewalled.mjs, namespace-checks.ts and ways.ts. */
const sealedOnly = ["network.interfaces", "network.routes"];
const firewalledOnly = [
  "firewall.allowed-host",
  "firewall.bridge",
  "firewall.unlisted-name-udp",
  "firewall.unlisted-name-tcp",
  "firewall.other-resolvers",
  "firewall.ipv6-off",
  "engine.pause",
  "engine.pause-network",
  "engine.rules",
  "engine.rules-addresses",
  "engine.ways",
];

export function expectedChecksOf(mode: "sealed" | "firewalled"): readonly string[] {
  if (mode === "sealed") return expectedChecks;
  return [...expectedChecks.filter((name) => !sealedOnly.includes(name)), ...firewalledOnly];
}
