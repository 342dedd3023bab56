import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { type Ecosystem, ecosystems, type KnownPackages, nothingKnown } from "./known.ts";

export type ScopeDecision = "known" | "new" | "over";

/** Which names one run may ask for: those of its base, and `limit` others, which are kept on disk so that no restart forgets them. */
export class PackageScope {
  readonly #known = new Map<Ecosystem, ReadonlySet<string>>();
  readonly #new = new Set<string>();
  readonly #file: string;
  readonly #limit: number;
  #packages: KnownPackages | undefined;

  constructor(file: string, limit: number) {
    this.#file = file;
    this.#limit = limit;
    if (existsSync(file)) for (const line of readFileSync(file, "utf8").split("\n")) if (line !== "") this.#new.add(line);
  }

  /** Whether the App has told what the base names. */
  get told(): boolean {
    return this.#packages !== undefined;
  }

  tell(packages: KnownPackages): void {
    this.#packages = packages;
    for (const of of ecosystems) this.#known.set(of, new Set(packages.names[of]));
  }

  /** Counts a new name the first time. A name in capitals must be known: its letters' case could carry something. */
  admit(of: Ecosystem, name: string): ScopeDecision {
    if (this.isKnown(of, name)) return "known";
    const entry = `${of} ${name}`;
    if (this.#new.has(entry)) return "new";
    if (this.#new.size >= this.#limit || (of === "npm" && name !== name.toLowerCase())) return "over";
    appendFileSync(this.#file, `${entry}\n`, { mode: 0o600 });
    this.#new.add(entry);
    return "new";
  }

  isKnown(of: Ecosystem, name: string): boolean {
    return this.#known.get(of)?.has(name) ?? false;
  }

  /** "h1:…" of go.sum, for "module@version" or "module@version/go.mod". */
  findGoSum(key: string): string | undefined {
    const { goSums } = this.#packages ?? nothingKnown;
    return Object.hasOwn(goSums, key) ? goSums[key] : undefined;
  }

  get counted(): { taken: number; limit: number } {
    return { taken: this.#new.size, limit: this.#limit };
  }

  forget(): void {
    rmSync(this.#file, { force: true });
  }
}
