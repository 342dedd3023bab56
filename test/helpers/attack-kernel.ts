import { readFileSync } from "node:fs";
import type { Engine } from "../../src/sandbox/engine.ts";

/** A system call by number (x86-64), with arguments that are harmless even where it is allowed. */
export interface Call {
  name: string;
  nr: number;
  args: (number | string)[];
}

/** Each call in a child of its own, since a filter may kill. Prints `name errno`; 0: it was done; "signal N": it was killed. */
export function perlOf(calls: readonly Call[]): string {
  const list = calls.map(
    ({ name, nr, args }) => `[${[JSON.stringify(name), nr, ...args.map((arg) => JSON.stringify(arg))].join(",")}]`,
  );
  return `$| = 1; for my $call (${list.join(",")}) { my ($name, $nr, @args) = @$call; my $pid = open(my $child, "-|");
if (!defined $pid) { print "$name fork\\n"; next } if ($pid == 0) { my $done = syscall($nr, @args); print $done == -1 ? $! + 0 : 0; exit 0 }
my $said = <$child>; close $child; print "$name ", (defined $said ? $said : "signal " . ($? & 127)), "\\n"; }`;
}

/** Runs a command in a container, as the engine's own exec does it: under all that confines the container. Both outputs together. */
export async function execIn(engine: Engine, containerId: string, user: string, command: string[]): Promise<string> {
  const execution = await engine.docker.getContainer(containerId).exec({
    ...{ Cmd: command, User: user, AttachStdout: true, AttachStderr: true, Tty: true },
  });
  const stream = await execution.start({ hijack: true, stdin: false, Tty: true });
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text.replaceAll("\r\n", "\n");
}

export function readCalls(text: string): Map<string, string> {
  return new Map(
    text
      .split("\n")
      .flatMap((line) => (line.includes(" ") ? [[line.split(" ", 1)[0] ?? "", line.slice(line.indexOf(" ") + 1)]] : [])),
  );
}

const capabilities = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN " +
  "NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME " +
  "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ"
).split(" ");

/** All that this machine's root can give to a container: an engine in a container of its own cannot give every one. */
export function heldCapabilities(): string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
  return capabilities.filter((_, bit) => (bounding >> BigInt(bit)) & 1n);
}
