import { type Need, needs } from "./needs.ts";

/** What was found on this machine. */
export interface MachineSeen {
  /** `process.platform` */
  platform: string;
  isRoot: boolean;
  /** Whether apt-get is here: Debian, Ubuntu and their like. */
  hasApt: boolean;
  hasSystemd: boolean;
  /** Names of needs that are not here. */
  missing: Need["name"][];
  /** `forbidden`: one answers, but not to this user. */
  engine: "up" | "down" | "forbidden";
}

/** One effect that makes the machine ready. Plain data. */
export type ProvisionStep = { do: "install"; packages: string[] } | { do: "start-engine"; by: "systemd" | "dockerd" };

/** Ready where `steps` is empty. A refusal says line by line what is missing and which package has it. */
export type Provision = { verdict: "steps"; steps: ProvisionStep[] } | { verdict: "refused"; lines: [string, ...string[]] };

/** Pure. `allowed`: whether the person said --provision. Without it nothing is installed or started. */
export function decideProvision(seen: MachineSeen, allowed: boolean): Provision {
  if (seen.platform !== "linux")
    return {
      verdict: "refused",
      lines: ["The sandbox needs Linux with a local Docker engine: run Airlock in a Linux machine, real or virtual"],
    };
  if (seen.engine === "forbidden")
    return {
      verdict: "refused",
      lines: ["This user may not use the Docker engine's socket: run as root, or join the group docker"],
    };

  const absent = needs.filter((need) => seen.missing.includes(need.name));
  const mayInstall = allowed && seen.isRoot && seen.hasApt;
  const demanded = absent.filter((need) => need.required);
  // An engine that answers need not be the package's, nor its program in our PATH.
  const lacking = seen.engine === "up" ? demanded.filter((need) => need.name !== "dockerd") : demanded;
  const engineDown = seen.engine === "down";

  if (!mayInstall && (lacking.length > 0 || (engineDown && !(allowed && seen.isRoot)))) {
    const lines = lacking.map((need) => `${need.name} is missing (${need.why}): install the package ${need.package}`);
    if (engineDown && !lacking.some((need) => need.name === "dockerd"))
      lines.push("No Docker engine runs: start it (systemctl start docker, or dockerd as root)");
    if (allowed && !seen.isRoot) lines.push("--provision installs packages and starts the engine, so it needs root");
    else if (allowed && !seen.hasApt)
      lines.push("--provision installs by apt-get, which is not here: install these by the distribution's own tool");
    return { verdict: "refused", lines: lines as [string, ...string[]] };
  }

  const steps: ProvisionStep[] = [];
  const installed = seen.engine === "up" ? absent.filter((need) => need.name !== "dockerd") : absent;
  if (mayInstall && installed.length > 0)
    steps.push({ do: "install", packages: [...new Set(installed.map((need) => need.package))] });
  if (engineDown) steps.push({ do: "start-engine", by: seen.hasSystemd ? "systemd" : "dockerd" });
  return { verdict: "steps", steps };
}
