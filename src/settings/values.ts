import { z } from "zod";
import type { PriorityRule } from "../run/priority.ts";
import { parseCaps } from "./caps.ts";
import { parseHostNames } from "./host-names.ts";
import { parsePathRules } from "./paths.ts";

/** What a machine may be called by its operator, and asked for by a repository. */
export const machineLabel = /^[a-z\d][a-z\d_-]{0,31}$/i;

/** How each plain setting is read. A message completes the sentence "NAME …". */
export const values = {
  APP_ID: z
    .string()
    .regex(/^[1-9]\d{0,15}$/, "is not a number")
    .transform(Number),
  WEBHOOK_PATH: z.string().regex(/^\/[\w./-]+$/, "is not a plain path such as /api/github/webhooks"),
  WEBHOOK_POLL: z.enum(["0", "1"], "is neither 0 nor 1").transform((text) => text === "1"),
  WEBHOOK_POLL_SECONDS: wholeNumber(5, 300),
  GHE_HOST: z
    .string()
    .regex(/^[a-z0-9.-]+(:\d{1,5})?$/i, "is not a host name: no scheme, no path")
    .toLowerCase(),
  GHE_PROTOCOL: z.enum(["https", "http"], "is neither https nor http"),
  HOST: z.string().regex(/^[\w.:-]+$/, "is not a host name or address"),
  PORT: z
    .string()
    .regex(/^\d+$/, "is not a number")
    .transform(Number)
    .refine((port) => port <= 65_535, "is not a port (0 to 65535)"),
  LOG_LEVEL: z.enum(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "is none of trace, debug, info, warn, error, fatal, silent",
  ),
  LOG_FORMAT: z.enum(["json", "pretty"], "is neither json nor pretty"),
  AIRLOCK_URL: z.string().refine(isPlainHttpUrl, "is not an http(s) address without query or password").transform(withoutSlash),
  AIRLOCK_ACCOUNTS: z
    .string()
    .transform(splitList)
    .pipe(
      z
        .array(
          z
            .string()
            .regex(/^(id:\d+|[a-z\d](?:[a-z\d_-]{0,38}))$/i, "names something that is no GitHub account")
            .toLowerCase(),
        )
        .min(1, "is empty"),
    ),
  ANTHROPIC_BASE_URL: z
    .string()
    .refine(isPlainHttpUrl, "is not an http(s) address without query or password")
    .refine(isSafeUpstream, "is not https (http is allowed on loopback only)")
    .transform(withoutSlash),
  AIRLOCK_MODEL: z.string().regex(/^[\w.:@/-]{1,120}$/, "is not a model's name"),
  AIRLOCK_MODE: z.enum(["sealed", "firewalled"], "is neither sealed nor firewalled"),
  AIRLOCK_SMALL_MODEL: z.string().regex(/^[\w.:@/-]{1,120}$/, "is not a model's name"),
  /** Millionths of a dollar. */
  AIRLOCK_RUN_BUDGET_USD: z
    .string()
    .regex(/^(none|\d{1,6}(\.\d{1,4})?)$/, 'is neither an amount such as 10 or 2.50 nor "none"')
    .transform((text) => (text === "none" ? text : Math.round(Number(text) * 1e6)))
    .refine((amount) => amount !== 0, 'is nothing: no agent could work ("none" is without limit)'),
  AIRLOCK_RUN_BUDGET_TOKENS: z
    .string()
    .regex(/^(none|[1-9]\d{3,11})$/, 'is neither a number of tokens (1000 at least) nor "none"')
    .transform((text) => (text === "none" ? text : Number(text))),
  AIRLOCK_BUDGET_USD: caps(),
  AIRLOCK_REPOSITORY_BUDGET_USD: caps(),
  AIRLOCK_ACTOR_BUDGET_USD: caps(),
  AIRLOCK_MODEL_PARALLEL: wholeNumber(1, 64),
  AIRLOCK_MODEL_RATE: wholeNumber(1, 10_000),
  AIRLOCK_CONCURRENCY: wholeNumber(1, 100),
  AIRLOCK_TOTAL_CONCURRENCY: wholeNumber(1, 10_000),
  AIRLOCK_REPOSITORY_CONCURRENCY: wholeNumber(1, 1_000),
  AIRLOCK_PRIORITIES: z.string().transform((text, context) => {
    const rules = splitList(text).map((part) => /^([\w.-]+\/(?:[\w.-]+|\*)|id:\d+)=(-?\d{1,3})$/.exec(part));
    if (rules.length > 0 && rules.every((rule) => rule !== null))
      return rules.map(([, of = "", priority]): PriorityRule => ({ of: of.toLowerCase(), priority: Number(priority) }));
    context.addIssue({ code: "custom", message: "is no list such as acme/shop=10,acme/*=-5" });
    return z.NEVER;
  }),
  AIRLOCK_LABELS: z
    .string()
    .transform(splitList)
    .pipe(z.array(z.string().regex(machineLabel, "names no label such as gpu (letters, digits, - and _)")).min(1, "is empty")),
  AIRLOCK_TAKEOVER_SECONDS: wholeNumber(10, 86_400),
  AIRLOCK_DEADLINE_MINUTES: wholeNumber(1, 1380),
  AIRLOCK_MEMORY: z
    .string()
    .regex(/^\d{1,7}[mg]b?$/i, "is not a size such as 4g or 2048m")
    .transform(parseBytes)
    .refine((bytes) => bytes >= 512 * 1024 ** 2, "is under 512m: Claude Code does not start in that"),
  AIRLOCK_CI: z.enum(["hold", "hold-risky", "auto"], "is none of hold, hold-risky, auto"),
  AIRLOCK_WORKFLOWS: z.enum(["refuse", "hold"], "is neither refuse nor hold"),
  AIRLOCK_PATHS: z.string().transform((text, context) => {
    const rules = parsePathRules(text);
    if (typeof rules !== "string") return rules;
    context.addIssue({ code: "custom", message: rules });
    return z.NEVER;
  }),
  AIRLOCK_HOLD_DAYS: wholeNumber(1, 365),
  AIRLOCK_KEEP_TRANSCRIPT_DAYS: wholeNumber(1, 3_650),
  AIRLOCK_KEEP_EVIDENCE_DAYS: wholeNumber(1, 3_650),
  AIRLOCK_KEEP_CODE_DAYS: wholeNumber(1, 3_650),
  /** Percent. */
  AIRLOCK_DISK_BOUND: z
    .string()
    .regex(/^(none|[1-9]\d?)$/, 'is neither a percentage from 1 to 99 nor "none"')
    .transform((text) => (text === "none" ? text : Number(text))),
  AIRLOCK_RELEASE_BY_OTHERS: z.enum(["0", "1"], "is neither 0 nor 1").transform((text) => text === "1"),
  AIRLOCK_REGISTRY_NPM: registry(),
  AIRLOCK_REGISTRY_PYPI: registry(),
  AIRLOCK_REGISTRY_CRATES: registry(),
  AIRLOCK_REGISTRY_GO: registry(),
  AIRLOCK_NEW_PACKAGES: wholeNumber(0, 1000),
  AIRLOCK_CONNECT: z.string().transform((text, context) => {
    const names = parseHostNames(text);
    if ("hosts" in names) return names.hosts;
    context.addIssue({ code: "custom", message: names.wrong });
    return z.NEVER;
  }),
  AIRLOCK_CPUS: z
    .string()
    .regex(/^\d{1,3}(\.\d{1,2})?$/, "is not a number of processors such as 2 or 1.5")
    .transform(Number)
    .refine((cpus) => cpus >= 0.1 && cpus <= 256, "is not between 0.1 and 256"),
  AIRLOCK_PIDS: wholeNumber(64, 32_768),
  AIRLOCK_DISK: z
    .string()
    .regex(/^\d{1,7}[mg]b?$/i, "is not a size such as 8g or 512m")
    .transform(parseBytes)
    .refine((bytes) => bytes >= 256 * 1024 ** 2, "is under 256m: no repository of any size fits into that"),
  AIRLOCK_INODES: wholeNumber(10_000, 100_000_000),
  AIRLOCK_OUTPUT: z
    .string()
    .regex(/^\d{1,7}[mg]b?$/i, "is not a size such as 64m or 1g")
    .transform(parseBytes)
    .refine((bytes) => bytes >= 1024 ** 2, "is under 1m: the agent's own events do not fit into that"),
  AIRLOCK_STALL_MINUTES: wholeNumber(1, 1380),
  AIRLOCK_LOOP_CALLS: wholeNumber(3, 100),
  AIRLOCK_ATTEMPTS: wholeNumber(1, 10),
  AIRLOCK_WAIT_HOURS: wholeNumber(0, 192),
  AIRLOCK_RUNTIME: z.enum(["auto", "runc", "runsc"], "is neither auto, runc nor runsc"),
  AIRLOCK_IMAGE: z
    .string()
    .regex(/^[a-z0-9][\w./-]{0,200}(:[\w.-]{1,128}|@sha256:[0-9a-f]{64})$/, "is not an image's name with its tag"),
  HTTPS_PROXY: z.string().refine(isHttpUrl, "is not an http(s) address"),
  NO_PROXY: z.string(),
  NODE_EXTRA_CA_CERTS: z.string(),
} as const;

export type ValueName = keyof typeof values;
export type Value<Name extends ValueName> = z.output<(typeof values)[Name]>;

/** Host names that never leave this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname);
}

function registry() {
  return z
    .string()
    .refine((text) => text === "off" || isPlainHttpUrl(text), "is neither off nor an http(s) address without query or password")
    .refine((text) => text === "off" || isSafeUpstream(text), "is not https (http is allowed on loopback only)")
    .transform(withoutSlash);
}

/** Millionths of a dollar, by day and month. */
function caps() {
  return z.string().transform((text, context) => {
    const amounts = parseCaps(text);
    if (typeof amounts !== "string") return amounts;
    context.addIssue({ code: "custom", message: amounts });
    return z.NEVER;
  });
}

function wholeNumber(least: number, most: number) {
  const words = `is not a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, words)
    .transform(Number)
    .refine((number) => number >= least && number <= most, words);
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function parseBytes(text: string): number {
  return Number.parseInt(text, 10) * (/g/i.test(text) ? 1024 ** 3 : 1024 ** 2);
}

function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}

function isPlainHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return isHttpUrl(text) && url !== null && !url.username && !url.password && !url.search && !url.hash;
}

function isSafeUpstream(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === "https:" || isLoopback(url?.hostname ?? "");
}

function withoutSlash(text: string): string {
  return text.replace(/\/+$/, "");
}
