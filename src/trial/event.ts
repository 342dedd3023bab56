import { z } from "zod";

const mode = z.enum(["sealed", "firewalled"]);

/** What somebody at this machine wants tried in a sandbox of its own. */
export const trialWish = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("verify"), mode, dial: z.ipv4().or(z.ipv6()).optional() }),
  z.strictObject({
    do: z.literal("exec"),
    mode,
    repository: z.string(),
    argv: z.tuple([z.string()], z.string()),
  }),
  z.strictObject({
    do: z.literal("shell"),
    mode,
    repository: z.string(),
    rows: z.int().min(1).max(1_000),
    columns: z.int().min(1).max(1_000),
  }),
]);
export type TrialWish = z.infer<typeof trialWish>;

const check = z.object({ name: z.string(), side: z.enum(["inside", "outside"]), ok: z.boolean(), seen: z.string() });

const isolation = z.object({
  kind: z.enum(["runc", "gvisor"]),
  version: z.string(),
  kernel: z.string(),
  escapes: z.array(z.string()),
});

/** What a trial tells, one JSON line each, in this order: verified, attach (a shell), output, record, and one of ended and fault. */
export const trialEvent = z.discriminatedUnion("is", [
  /** `failed`: names of the checks that did not hold; missing ones are among them. */
  z.object({
    ...{ is: z.literal("verified"), mode: z.string(), checks: z.array(check), failed: z.array(z.string()) },
    /** Absent where no sandbox was made. */
    isolation: isolation.optional(),
  }),
  /** The sandbox waits for its launch: whoever gives the command attaches to it himself. */
  z.object({ is: z.literal("attach"), containerId: z.string() }),
  z.object({ is: z.literal("output"), stream: z.enum(["stdout", "stderr"]), line: z.string() }),
  /** A row of the gateway's record. */
  z.object({
    is: z.literal("record"),
    row: z.looseObject({ verdict: z.string(), method: z.string(), target: z.string(), times: z.int().optional() }),
  }),
  z.object({ is: z.literal("ended"), exitCode: z.int() }),
  z.object({ is: z.literal("fault"), code: z.string(), message: z.string(), remedy: z.string() }),
]);
export type TrialEvent = z.infer<typeof trialEvent>;
