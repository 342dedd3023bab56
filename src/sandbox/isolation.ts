import type { Isolation } from "../run/isolation.ts";

/** ◆ Which of the engine's runtimes keeps a sandbox. */
export type RuntimeWish = "auto" | "runc" | "runsc";

/** A runtime as the engine has it registered. */
export interface RuntimeSight {
  name: string;
  /** What its program calls itself: "release-20260105.0", Debian's "0.0~20221219.0". "" where it does not tell. */
  version: string;
  /** What the engine starts it with. */
  args: readonly string[];
}

/** What a sandbox is made with, and checked against. `kernel`: the host's, as uname tells it. */
export interface SandboxIsolation {
  kind: Isolation["kind"];
  /** The engine's name for it. */
  runtime: string;
  kernel: string;
}

export type IsolationChoice =
  | { chosen: SandboxIsolation; version: string /** Why gVisor was not taken, though it is there. */; passedOver?: string }
  | { refused: string };

/** gVisor is released every week. An older one than this is a year behind this version of Airlock, and is not taken for current. */
export const oldestGvisor = "20251124";

/**
 * `auto`: gVisor where a current one is registered as this needs it, runc otherwise. `runsc`: that, or a refusal that says what is
 * wrong. Firewalled, gVisor's own network stack would write past the rules of the namespace, so there it is runc, or refused. Pure.
 */
export function decideIsolation(of: {
  wish: RuntimeWish;
  mode: "sealed" | "firewalled";
  runtimes: readonly RuntimeSight[];
  runcVersion: string;
  kernel: string;
}): IsolationChoice {
  const { wish, mode, runtimes, kernel } = of;
  const runc: IsolationChoice = { chosen: { kind: "runc", runtime: "runc", kernel }, version: of.runcVersion };
  if (wish === "runc") return runc;
  const found = runtimes.filter(({ name }) => name.startsWith("runsc")).sort((a, b) => (a.name < b.name ? -1 : 1));
  const complaint =
    mode === "firewalled"
      ? "in firewalled mode gVisor's network stack would pass by the firewall's rules"
      : (found.map(findComplaint).find((it) => it !== undefined) ?? "the engine has no runtime of the name runsc");
  const fit = mode === "sealed" ? found.find((one) => findComplaint(one) === undefined) : undefined;
  if (fit) return { chosen: { kind: "gvisor", runtime: fit.name, kernel }, version: fit.version };
  if (wish === "runsc") return { refused: `AIRLOCK_RUNTIME is runsc, and ${complaint}` };
  return found.length === 0 ? runc : { ...runc, passedOver: `gVisor is not used: ${complaint}` };
}

/** What keeps this gVisor from being used; undefined where nothing does. */
function findComplaint({ name, version, args }: RuntimeSight): string | undefined {
  const released = /(?:^|\D)(20\d{6})\.\d+/.exec(version)?.[1];
  if (released === undefined) return `the runtime ${name} does not tell its version`;
  if (released < oldestGvisor) return `the runtime ${name} is ${version}, older than release-${oldestGvisor}`;
  const lacking = [
    // Else it brings an interface of its own up.
    ...(has(args, "network", ["none"]) ? [] : ["--network=none"]),
    // Else the sandbox cannot reach the socket that is its only door.
    ...(has(args, "host-uds", ["open", "all"]) ? [] : ["--host-uds=open"]),
  ];
  return lacking.length === 0 ? undefined : `the runtime ${name} is not registered with ${lacking.join(" and ")}`;
}

function has(args: readonly string[], flag: string, values: readonly string[]): boolean {
  return values.some((value) => args.includes(`--${flag}=${value}`) || args.includes(`-${flag}=${value}`));
}
