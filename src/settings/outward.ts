import { Fault } from "../fault.ts";
import type { Environment } from "./environment.ts";
import { isNamedIn } from "./host-names.ts";
import { read } from "./read.ts";
import type { Settings } from "./shape.ts";

export function readRegistries(environment: Environment): Settings["registries"] {
  const given = {
    npm: read(environment, "AIRLOCK_REGISTRY_NPM") ?? "https://registry.npmjs.org",
    pypi: read(environment, "AIRLOCK_REGISTRY_PYPI") ?? "https://pypi.org",
    crates: read(environment, "AIRLOCK_REGISTRY_CRATES") ?? "https://index.crates.io",
    go: read(environment, "AIRLOCK_REGISTRY_GO") ?? "https://proxy.golang.org",
  };
  const upstreams = Object.fromEntries(Object.entries(given).filter(([, url]) => url !== "off"));
  return { upstreams, newPackages: read(environment, "AIRLOCK_NEW_PACKAGES") ?? 20 };
}

/** Whoever checks an address must dial that address: a proxy would look the name up again. */
export function readTunnelHosts(environment: Environment): readonly string[] {
  const hosts = read(environment, "AIRLOCK_CONNECT") ?? [];
  const behind = hosts.find((host) => !isNamedIn(read(environment, "NO_PROXY"), host));
  if (behind === undefined || read(environment, "HTTPS_PROXY") === undefined) return hosts;
  throw new Fault("settings.AIRLOCK_CONNECT", `AIRLOCK_CONNECT lists ${behind}, which HTTPS_PROXY would be asked for`, {
    remedy: `Tunnels are dialled at the very address that was checked, never through a proxy: add ${behind} to NO_PROXY where this machine reaches it without, or take it off AIRLOCK_CONNECT`,
  });
}
