/** A package as a lock file names it. */
export interface LockedPackage {
  /** As the registry knows it, whatever the project calls it: an alias would pass for what is known already. */
  name: string;
  version: string;
  /** It brings scripts that its installation runs. */
  runs: boolean;
  /** Where it comes from, if that is said and is not its registry by default: "evil.example", "git", "file". */
  source?: string;
}

/** ◆ The host of an address, or the kind of what is none. Undefined for the registries that clients use by themselves. */
export function sourceOf(address: string): string | undefined {
  const plain = address.replace(/^git\+/, "");
  if (/^https?:/.test(plain)) {
    const host = URL.parse(plain)?.host ?? "an address that cannot be read";
    return usual.has(host) ? undefined : host;
  }
  const [, kind = "another place"] = /^([a-z][a-z+.-]{0,20}):/i.exec(address) ?? [];
  return URL.parse(address)?.host || kind.toLowerCase();
}

const usual = new Set(["registry.npmjs.org", "registry.yarnpkg.com"]);

/** ◆ "@scope/name@rest" in its two halves. Throws on what is none: a lock file that cannot be read is said to be so. */
export function splitName(text: string): [name: string, rest: string] {
  const at = text.indexOf("@", 1);
  const name = at < 0 ? text : text.slice(0, at);
  if (!/^(?:@[^\s/@]+\/)?[^\s/@]+$/.test(name)) throw new Error("not a package's name");
  return [name, at < 0 ? "" : text.slice(at + 1)];
}
