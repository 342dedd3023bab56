import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Call, execIn, heldCapabilities, perlOf, readCalls } from "../helpers/attack-kernel.ts";
import { type Boxes, createBoxes, modes } from "../helpers/both-modes.ts";
import { controlFell } from "../helpers/control.ts";
import { openTestEngine, type TestEngine, type TestSandbox } from "../helpers/sandbox-fixture.ts";
import { sealedUid } from "../helpers/uids.ts";

/** Arguments are such that an undefended kernel gets past its door: it does the call, or finds fault with the arguments alone. */
const calls: Call[] = [
  { name: "mount", nr: 165, args: ["none", "/nowhere", "tmpfs", 0, 0] },
  { name: "umount2", nr: 166, args: ["/nowhere", 0] },
  { name: "pivot_root", nr: 155, args: ["/nowhere", "/nowhere"] },
  { name: "open_tree", nr: 428, args: [-100, "/", 1] },
  { name: "fsopen", nr: 430, args: ["tmpfs", 0] },
  { name: "fsmount", nr: 432, args: [-1, 0, 0] },
  { name: "move_mount", nr: 429, args: [-1, "", -1, "", 0] },
  { name: "unshare-user", nr: 272, args: [0x10000000] },
  { name: "unshare-mount", nr: 272, args: [0x00020000] },
  { name: "unshare-network", nr: 272, args: [0x40000000] },
  { name: "unshare-pid", nr: 272, args: [0x20000000] },
  { name: "setns", nr: 308, args: [-1, 0] },
  { name: "chroot", nr: 161, args: ["/nowhere"] },
  { name: "sethostname", nr: 170, args: ["airlock", -1] },
  { name: "setdomainname", nr: 171, args: ["airlock", -1] },
  { name: "ptrace", nr: 101, args: [16, 1, 0, 0] },
  { name: "process_vm_readv", nr: 310, args: [1, 0, 0, 0, 0, 0] },
  { name: "bpf", nr: 321, args: [0, 0, 0] },
  { name: "perf_event_open", nr: 298, args: [0, 0, -1, -1, 0] },
  { name: "keyctl", nr: 250, args: [0, -1, 0, 0, 0] },
  { name: "add_key", nr: 248, args: ["user", "airlock", 0, 0, -1] },
  { name: "request_key", nr: 249, args: ["user", "airlock", 0, -1] },
  { name: "io_uring_setup", nr: 425, args: [1, 0] },
  { name: "io_uring_enter", nr: 426, args: [-1, 0, 0, 0, 0, 0] },
  { name: "io_uring_register", nr: 427, args: [-1, 0, 0, 0] },
  { name: "userfaultfd", nr: 323, args: [0] },
  { name: "open_by_handle_at", nr: 304, args: [-1, 0, 0] },
  { name: "name_to_handle_at", nr: 303, args: [-1, "", 0, 0, 0] },
  { name: "swapon", nr: 167, args: ["/nowhere", 0] },
  { name: "swapoff", nr: 168, args: ["/nowhere"] },
  { name: "acct", nr: 163, args: ["/nowhere"] },
  { name: "quotactl", nr: 179, args: [0, "/nowhere", 0, 0] },
  { name: "move_pages", nr: 279, args: [0, 1, 0, 0, 0, -1] },
  { name: "fanotify_init", nr: 300, args: [0, 0] },
  { name: "socket-vsock", nr: 41, args: [40, 1, 0] },
  { name: "socket-alg", nr: 41, args: [38, 5, 0] },
  { name: "socket-packet", nr: 41, args: [17, 3, 0] },
  { name: "socket-tipc", nr: 41, args: [30, 5, 0] },
  { name: "socket-rds", nr: 41, args: [21, 5, 0] },
  { name: "socket-can", nr: 41, args: [29, 3, 1] },
  { name: "socket-key", nr: 41, args: [15, 3, 2] },
  { name: "socket-bluetooth", nr: 41, args: [31, 3, 1] },
  { name: "socket-xdp", nr: 41, args: [44, 3, 0] },
  { name: "socket-netlink-audit", nr: 41, args: [16, 3, 9] },
  { name: "socket-netlink-netfilter", nr: 41, args: [16, 3, 12] },
  { name: "socket-netlink-uevent", nr: 41, args: [16, 3, 15] },
  { name: "socket-raw", nr: 41, args: [2, 3, 1] },
  { name: "socket-raw-6", nr: 41, args: [10, 3, 58] },
];

let engine: TestEngine;
let boxes: Boxes;
let control: string;
const script = ["perl", "-e", perlOf(calls)];
let undefended: Map<string, string>;

beforeAll(async () => {
  engine = await openTestEngine();
  boxes = createBoxes(engine);
  // Undefended: every capability and no filter, but no network either, so that nothing leaves it.
  const container = await engine.engine.docker.createContainer({
    ...{ Image: engine.imageId, Entrypoint: ["sleep"], Cmd: ["600"], User: "0:0", Labels: { "airlock.instance": "test" } },
    HostConfig: {
      ...{ CapAdd: heldCapabilities(), NetworkMode: "none", SecurityOpt: ["seccomp=unconfined"] },
      ...{ MaskedPaths: [], ReadonlyPaths: [] },
    },
  });
  control = container.id;
  await container.start();
  undefended = readCalls(await execIn(engine.engine, control, "0:0", script));
  await execIn(engine.engine, control, "0:0", ["sh", "-c", "cp /usr/bin/id /tmp/id && chmod 4755 /tmp/id && chmod 755 /tmp"]);
}, 400_000);
afterAll(async () => {
  await boxes?.[Symbol.asyncDispose]();
  if (control) await engine.engine.docker.getContainer(control).remove({ force: true });
});

const names = (test: (name: string) => boolean) => calls.map(({ name }) => name).filter(test);
/** EPERM, EACCES, ENOSYS: what a call gets that is not let through. */
const refusals = ["1", "13", "38"];
/** A family that this kernel was built without: in the control the kernel says so itself, in the sandbox it is not even asked. */
const reached = (errno: string | undefined) => errno !== undefined && !refusals.includes(errno);
const files = [
  ...["/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/proc/sys/vm/drop_caches"],
  ...["/proc/irq/default_smp_affinity"],
  ...["/etc/passwd", "/etc/claude-code/managed-settings.json", "/usr/bin/git", "/root/.bashrc"],
];
/** Each is opened for writing and closed again: nothing is written. */
const openFiles = [
  ...["perl", "-e"],
  `for my $file (${files.map((file) => JSON.stringify(file)).join(",")}) { print "$file ", open(my $f, ">>", $file) ? "open" : "refused", "\\n" }`,
];
// In a child, whose end is told: mmap(0, 4096, rwx, private|anonymous), then `mov eax, 20; int 0x80; ret`: getpid by the 32-bit gate.
const in32Bits = [
  ...["perl", "-e"],
  `if (my $child = fork) { waitpid $child, 0; print $? & 127 ? "signal " . ($? & 127) : "passed", "\\n"; exit }
   my $page = syscall(9, 0, 4096, 7, 0x22, -1, 0); my $code = "\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3";
   open(my $mem, "+<", "/proc/self/mem"); binmode $mem; sysseek($mem, $page, 0); syswrite($mem, $code);
   require DynaLoader; my $call = DynaLoader::dl_install_xsub("main::gate", $page); gate();`,
];

describe.each(modes)("out of a %s sandbox", (mode) => {
  let box: TestSandbox;
  const seen = { "the sandbox user": new Map<string, string>(), "root in the sandbox": new Map<string, string>() };
  const opened = { "the sandbox user": new Map<string, string>(), "root in the sandbox": new Map<string, string>() };
  const inBox = (who: keyof typeof seen, command: string[]) =>
    execIn(
      engine.engine,
      box.handle.containerId,
      who === "the sandbox user" ? `${box.spec.uid}:${box.spec.uid}` : "0:0",
      command,
    );
  beforeAll(async () => {
    box = await boxes.open(mode);
    for (const who of ["the sandbox user", "root in the sandbox"] as const) {
      seen[who] = readCalls(await inBox(who, script));
      opened[who] = readCalls(await inBox(who, openFiles));
    }
  }, 120_000);
  afterAll(() => box?.[Symbol.asyncDispose]());

  for (const who of ["the sandbox user", "root in the sandbox"] as const) {
    it.each(names((name) => !/^(socket|io_uring)/.test(name)))(`[36] %s is refused to ${who}`, (name) => {
      controlFell(reached(undefended.get(name)), `${name} (${undefended.get(name)})`);
      expect(refusals).toContain(seen[who].get(name));
    });
    it.each(names((name) => /^(socket|io_uring)/.test(name)))(`[53] %s is refused to ${who}`, (name) => {
      controlFell(reached(undefended.get(name)), `${name} (${undefended.get(name)})`);
      expect(refusals).toContain(seen[who].get(name));
    });
    it.each(files)(`[36] %s is not opened for writing by ${who}`, async (file) => {
      controlFell(readCalls(await inControl(openFiles)).get(file) === "open");
      expect(opened[who].get(file)).toBe("refused");
    });
  }

  it("[53] the 32-bit gate kills whoever tries it", async () => {
    const open = (await inControl(in32Bits)).trim();
    // A kernel without the gate (ia32_emulation=off, some virtual machines) faults the program by itself: SIGSEGV, 11.
    expect(["passed", "signal 11"]).toContain(open);
    if (open === "passed") controlFell(true);
    expect((await inBox("the sandbox user", in32Bits)).trim()).toBe(open === "passed" ? "signal 31" : "signal 11");
  });

  it("[36] a program that is setuid root gives nothing", async () => {
    controlFell((await inControl(["/tmp/id"], `${sealedUid}:${sealedUid}`)).includes("euid=0"));
    await inBox("root in the sandbox", ["sh", "-c", "cp /usr/bin/id /tmp/setid; chmod 4755 /tmp/setid"]);
    expect(await inBox("the sandbox user", ["/tmp/setid"])).not.toContain("euid=0");
  });
});

function inControl(command: string[], user = "0:0"): Promise<string> {
  return execIn(engine.engine, control, user, command);
}
