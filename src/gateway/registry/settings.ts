import type { Ecosystem } from "./known.ts";

/** Where a gateway gets packages from. A registry that is absent is closed. */
export interface RegistrySettings {
  upstreams: Partial<Record<Ecosystem, string>>;
  /** New names of one run, beside those that its base commit names. */
  newPackages: number;
  /** Of the gateway's own account. */
  cacheFolder: string;
}

/** Where a registry keeps its files, beside its own address: fixed here, never taken from an answer. */
const fileHosts: Readonly<Record<string, string>> = {
  "https://pypi.org": "https://files.pythonhosted.org",
  "https://index.crates.io": "https://static.crates.io",
};

export function fileOriginOf(upstream: string): string {
  return fileHosts[new URL(upstream).origin] ?? new URL(upstream).origin;
}

/** What the sandbox calls its gateway. */
export const insideUrl = "http://127.0.0.1:8090/registry";
