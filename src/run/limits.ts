/** What one run may use. Absent budgets: without limit. */
export interface RunLimits {
  minutes: number;
  memoryBytes: number;
  /** 1.5 is one and a half processors. */
  cpus: number;
  processes: number;
  /** Of /work, home included; and how many files and folders it may hold. */
  diskBytes: number;
  diskFiles: number;
  /** Of the engine's log, envelopes included. */
  outputBytes: number;
  /** How long the agent may be silent, and how often it may make the same call in a row, before it is spoken to. */
  stallMinutes: number;
  loopCalls: number;
  /** How many sandboxes it may have, one after the other, where they die under it; and how long it may wait for the provider in all. */
  attempts: number;
  waitHours: number;
  budgetMicroUsd?: number;
  budgetTokens?: number;
}

export type LimitName = keyof RunLimits;

/** What a repository asks for. "none": without limit. */
export type LimitWish = Partial<Record<LimitName, number | "none">>;

/**
 * The operator's limits, lowered where the repository asks for less. What it asks for beyond them is not given, and said: `told` has a
 * sentence for each. Pure.
 */
export function lowerLimits(maximum: RunLimits, wish: LimitWish): { limits: RunLimits; told: string[] } {
  const limits = { ...maximum };
  const told: string[] = [];
  for (const name of Object.keys(limitWords) as LimitName[]) {
    const asked = wish[name];
    if (asked === undefined) continue;
    const allowed = maximum[name];
    if (asked !== "none" && asked <= (allowed ?? Number.POSITIVE_INFINITY)) limits[name] = asked;
    else if (allowed !== undefined)
      told.push(
        `.github/agent.yml asks for ${printLimit(name, asked)}; the operator allows ${printLimit(name, allowed)}, which holds.`,
      );
  }
  return { limits, told };
}

/** "4 GiB of memory", "60 minutes". */
export function printLimit(name: LimitName, value: number | "none"): string {
  const { print, of } = limitWords[name];
  if (value === "none") return `${of} without limit`;
  return print(value);
}

const count = (one: string) => (value: number) => `${trim(value)} ${value === 1 ? one : `${one}s`}`;
const size = (of: string) => (value: number) => `${printBinary(value)} of ${of}`;

const limitWords: Readonly<Record<LimitName, { of: string; print(value: number): string }>> = {
  minutes: { of: "time", print: count("minute") },
  memoryBytes: { of: "memory", print: size("memory") },
  cpus: { of: "processors", print: count("processor") },
  processes: { of: "processes", print: (value) => `${trim(value)} process${value === 1 ? "" : "es"}` },
  diskBytes: { of: "disk", print: size("disk") },
  diskFiles: { of: "files", print: (value) => `${trim(value)} files and folders` },
  outputBytes: { of: "output", print: size("output") },
  stallMinutes: { of: "silence", print: (value) => `${count("minute")(value)} of silence` },
  loopCalls: { of: "repetition", print: (value) => `${trim(value)} times the same call` },
  attempts: { of: "attempts", print: count("attempt") },
  waitHours: { of: "waiting", print: (value) => `${count("hour")(value)} of waiting` },
  budgetMicroUsd: { of: "money", print: (value) => `$${(value / 1e6).toFixed(2)}` },
  budgetTokens: { of: "tokens", print: count("token") },
};

/** Powers of 1,024, as they are asked for: "4g" is "4 GiB". */
function printBinary(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return gibibytes >= 1 ? `${trim(gibibytes)} GiB` : `${trim(bytes / 1024 ** 2)} MiB`;
}

/** Two decimals at most; thousands with commas. */
function trim(value: number): string {
  const [whole = "", rest] = String(Math.round(value * 100) / 100).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}
