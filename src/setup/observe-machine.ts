import { accessSync, constants, existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Fault } from "../fault.ts";
import { openEngine } from "../sandbox/engine.ts";
import type { MachineSeen } from "./decide-provision.ts";
import { needs } from "./needs.ts";

/** `tests`: whether what only tests use counts. Looks at this machine; changes nothing; milliseconds. Throws Fault "engine.unsupported" for an engine of a kind we refuse. */
export async function observeMachine({
  env,
  tests = false,
}: {
  env: Readonly<Record<string, string>>;
  tests?: boolean;
}): Promise<MachineSeen> {
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    hasApt: has("apt-get", env.PATH),
    hasSystemd: existsSync("/run/systemd/system"),
    missing: needs
      .filter((need) => tests || !need.testsOnly)
      .map((need) => need.name)
      .filter((name) => !has(name, env.PATH)),
    engine: await observeEngine(env.DOCKER_HOST),
  };
}

async function observeEngine(dockerHost: string | undefined): Promise<MachineSeen["engine"]> {
  try {
    await openEngine(dockerHost === undefined ? {} : { dockerHost });
    return "up";
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "engine.away") throw error;
    const { cause } = error;
    return cause instanceof Error && "code" in cause && cause.code === "EACCES" ? "forbidden" : "down";
  }
}

/** Daemons live in folders that a user's PATH often lacks. */
const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function has(name: string, path = ""): boolean {
  const candidates = isAbsolute(name) ? [name] : [...path.split(":"), ...systemFolders].map((folder) => join(folder, name));
  return candidates.some(isReadable);
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
