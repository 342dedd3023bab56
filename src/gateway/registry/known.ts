/** ◆ What the base commit's lock files and manifests name. These pass; anything else is new and counted. */

export const ecosystems = ["npm", "pypi", "crates", "go"] as const;
export type Ecosystem = (typeof ecosystems)[number];

export interface KnownPackages {
  /** As the registries know them: pypi normalised (PEP 503), crates with "-" for "_", go modules without versions. */
  names: Readonly<Record<Ecosystem, readonly string[]>>;
  /** go.sum: "module@version" or "module@version/go.mod" to "h1:…". */
  goSums: Readonly<Record<string, string>>;
}

export const nothingKnown: KnownPackages = { names: { npm: [], pypi: [], crates: [], go: [] }, goSums: {} };

/** One spelling for one package. */
export function canonicalName(of: Ecosystem, name: string): string {
  if (of === "pypi") return name.toLowerCase().replace(/[-_.]+/g, "-");
  return of === "crates" ? name.toLowerCase().replaceAll("_", "-") : name;
}

/** What the App sends over the control socket; undefined where it has another shape. */
export function parseKnownPackages(value: unknown): KnownPackages | undefined {
  const { names, goSums } = (value ?? {}) as Record<string, Record<string, unknown>>;
  if (typeof names !== "object" || typeof goSums !== "object" || names === null || goSums === null) return undefined;
  const lists = ecosystems.map((of) => names[of]);
  if (!lists.every((list) => Array.isArray(list) && list.every((name) => typeof name === "string"))) return undefined;
  if (!Object.values(goSums).every((sum) => typeof sum === "string")) return undefined;
  return value as KnownPackages;
}
