import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Fault } from "../fault.ts";
import { parseRunId, parseSha, type RunId, type Sha } from "../run/identity.ts";
import type { Seal } from "../secret/seal.ts";

const count = z.int().nonnegative();
const name = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/);
const sha = z.custom<Sha>((text) => parseSha(text) !== undefined);

/** What an archive says of itself, in its first entry. A higher `format` is a newer Airlock's. */
const shape = z.strictObject({
  airlock: z.literal("backup"),
  format: z.literal(1),
  /** Of the Airlock that made it. */
  version: z.string().max(64),
  madeAtMs: count,
  /** Tells the seal's key from others, and nothing about it. */
  key: z.string().regex(/^[0-9a-f]{32}$/),
  /** Absent where the rows are on a PostgreSQL server. */
  rows: z
    .strictObject({
      migrations: z.array(z.string().regex(/^[0-9]{4}-[a-z0-9-]{1,80}$/)),
      tables: z.array(z.strictObject({ name, rows: count })),
      sequences: z.array(z.strictObject({ table: name, column: name, last: count })),
    })
    .optional(),
  /** The repositories of runs that had not ended. */
  work: z.array(
    z.strictObject({
      run: z.custom<RunId>((text) => parseRunId(text) !== undefined),
      head: z.string(),
      refs: z.array(z.strictObject({ name: z.string(), sha })),
      commits: z.array(sha),
      /** What its model calls have cost so far. */
      spent: z.strictObject({ microUsd: z.number().nonnegative(), tokens: z.number().nonnegative() }),
    }),
  ),
  /** Every other entry, in this order. */
  parts: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

export type Manifest = z.infer<typeof shape>;
export type Part = Manifest["parts"][number];

export function rowsPart(table: string): string {
  return `rows/${table}.ndjson`;
}

export function workPart(run: RunId): string {
  return `work/${run}.pack`;
}

/** Throws Fault "backup.damaged", "backup.newer". */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged("its first part is no JSON");
  }
  const { airlock, format } = (value ?? {}) as { airlock?: unknown; format?: unknown };
  if (airlock === "backup" && typeof format === "number" && format > 1)
    throw new Fault("backup.newer", `This backup has format ${format}, which a newer Airlock wrote`, {
      remedy: "Restore it with the version that made it, or a newer one",
    });
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw damaged(`its first part is not what it should be (${parsed.error.issues[0]?.path.join(".")})`);
  const manifest = parsed.data;
  // Nothing else can be in it: no name leads anywhere but to these two folders.
  const expected = [
    ...(manifest.rows?.tables ?? []).map((table) => rowsPart(table.name)),
    ...manifest.work.map(({ run }) => workPart(run)),
  ];
  const named = manifest.parts.map((part) => part.name);
  if (new Set(named).size !== named.length || named.toSorted().join() !== expected.toSorted().join())
    throw damaged("its list of parts does not fit what it holds");
  return manifest;
}

export function damaged(what: string, cause?: unknown): Fault {
  return new Fault("backup.damaged", `This is no whole backup: ${what}`, {
    remedy: "Nothing was changed. Take another backup file",
    cause,
  });
}

/** The same for the same key. Nobody learns the key from it. */
export function fingerprintOf(seal: Seal): string {
  return seal.name("backup", "key").toString("hex").slice(0, 32);
}

/** Only who has the key can write a manifest that has this mark, and the manifest has the digest of all the rest. */
export function markOf(seal: Seal, manifestText: string): string {
  return seal.name("backup", `manifest ${createHash("sha256").update(manifestText).digest("hex")}`).toString("hex");
}

export function isMarkedBy(seal: Seal, manifestText: string, mark: string): boolean {
  const expected = Buffer.from(markOf(seal, manifestText));
  const given = Buffer.from(mark);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
