import type { ColumnType, Generated } from "kysely";
import type { CapReached, CapScope } from "../run/cap.ts";
import type { Fact } from "../run/fact.ts";
import type { RunId, Sha } from "../run/identity.ts";
import type { RunRequest } from "../run/request.ts";
import type { Run } from "../run/state.ts";

/** Written as JSON text, read as data, on PGlite and PostgreSQL alike. */
type Json<T> = ColumnType<T, string, string>;

/** Epoch milliseconds in a bigint column. */
type Ms = number;

export interface Schema {
  deliveries: {
    id: string;
    event: string;
    received_at_ms: Ms;
    payload: Json<Record<string, unknown>>;
    state: "received" | "handled";
    note: string | null;
    from_log: boolean;
    holder: string | null;
    lease_until_ms: Ms;
  };
  runs: {
    id: RunId;
    page_key: string;
    /** What the request means, whatever delivery brought it: one run for each, ever. */
    cause_key: string;
    installation_id: number;
    repository_id: number;
    subject_number: number;
    request: Json<RunRequest>;
    state: Json<Run>;
    at: Run["at"];
    uid: number | null;
    machine: string | null;
    fence: number;
    holder: string | null;
    lease_until_ms: Ms;
    tries: number;
    not_before_ms: Ms;
    reported: string | null;
    reported_at_ms: Ms;
    created_at_ms: Ms;
    updated_at_ms: Ms;
  };
  facts: { run: RunId; seq: number; at_ms: Ms; fact: Json<Fact> };
  events: { run: RunId; seq: Generated<number>; id: string; at_ms: Ms; kind: string; text: string; tool: string | null };
  evidence: {
    run: RunId;
    seq: number;
    at_ms: Ms;
    door: string;
    method: string;
    target: string;
    verdict: "allowed" | "refused";
    rule: string;
    bytes_in: number;
    bytes_out: number;
    status: number;
    duration_ms: number;
    usage: ColumnType<Record<string, unknown> | null, string | null, string | null>;
    digest: Generated<string>;
    received: Generated<string>;
    times: number | null;
  };
  grants: {
    id: string;
    run: RunId | null;
    duty: string;
    repository_id: number;
    permissions: Json<Record<string, string>>;
    state: "minting" | "live" | "revoked";
    minted_at_ms: Ms;
    expires_at_ms: Ms;
    revoked_at_ms: Ms | null;
    token: string | null;
    machine: string | null;
  };
  commands: { id: Generated<number>; run: RunId; command: Json<Record<string, unknown>>; at_ms: Ms };
  papers: { run: RunId; kind: string; text: string };
  notices: { repository_id: number; subject_number: number; actor_id: number };
  edits: { repository_id: number; subject_number: number; actor_id: number; actor_login: string; person: boolean; at_ms: Ms };
  heads: { repository_id: number; subject_number: number; sha: string; at_ms: Ms };
  homes: { repository_id: number; installation_id: number; account_id: number; owner: string; name: string; at_ms: Ms };
  branches: { repository_id: number; branch: string; sha: Sha; run: RunId };
  pauses: { repository_id: number; repository: string | null; by_name: string; working: boolean; at_ms: Ms };
  purses: { scope: CapScope; owner_id: number; period: string; spent: Generated<number>; reserved: Generated<number> };
  reservations: {
    id: string;
    run: RunId;
    repository_id: number | null;
    actor_id: number | null;
    /** "presumed": nobody told what it cost, so it counts as the most; the gateway's own word still replaces that. */
    state: "open" | "presumed" | "settled" | "refused";
    micro_usd: number;
    reached: ColumnType<CapReached | null, string | null, never>;
    at_ms: Ms;
  };
  marks: { name: string; text: string };
  machines: { machine: string; labels: Json<string[]>; places: number; version: string; since_ms: Ms; seen_at_ms: Ms };
  leases: { name: string; holder: string; until_ms: Ms };
  limits: { credential: string; until_ms: Ms };
}
