import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import type { RunId } from "../run/identity.ts";
import type { RunRequest } from "../run/request.ts";
import type { Seal } from "../secret/seal.ts";
import { addGrant, dropGrant, type GrantRow, grantsOf, markMinted, markRevoked, openGrants } from "../store/queries/grants.ts";
import type { Schema } from "../store/schema.ts";
import { type Api, statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";
import { type Duty, duties } from "./duty.ts";
import { explainRefusedMint } from "./refused-mint.ts";

/** For which installation, repository and run a token is. One repository only; never shared between runs. */
export interface GrantScope {
  installationId: number;
  repositoryId: number;
  /** For messages. */
  repository: string;
  run: RunId | undefined;
}

/** The scope of a run's own tokens. */
export function scopeOf(run: RunId, request: RunRequest): GrantScope {
  const { installationId, repositoryId, owner, name } = request;
  return { installationId, repositoryId, repository: `${owner}/${name}`, run };
}

export interface Grant extends AsyncDisposable {
  api: Api;
  token: string;
}

export interface Grants {
  /** A token of its own, revoked when the grant is disposed of. Throws Fault "grant.permission-missing", "grant.refused", "github.away". */
  mint(duty: Duty, scope: GrantScope): Promise<Grant>;
  /** The run's token for this duty, which lives on between steps: minted at need, until `revokeAll`. */
  keep(duty: Duty, scope: GrantScope): Promise<Api>;
  /** As `keep`, but the token itself, for a sandbox that holds one. */
  lend(duty: Duty, scope: GrantScope): Promise<string>;
  /**
   * Revokes whatever the run still holds, or only what it holds for one duty. Throws where GitHub cannot be reached: the ledger keeps the
   * token until it is dead.
   */
  revokeAll(run: RunId, duty?: Duty): Promise<void>;
  /**
   * Revokes what nobody needs any more: tokens of no open run, minted at least `olderThanMs` ago (0 at the start, when nothing of this
   * process can be in use). One that cannot be revoked now stays in the ledger and is met again. Answers how many are dead.
   */
  sweep(keepFor: ReadonlySet<RunId>, olderThanMs: number): Promise<number>;
}

const minLifeMs = 5 * 60_000;
const hourMs = 60 * 60_000;

export function createGrants(parts: {
  app: GitHubApp;
  db: Kysely<Schema>;
  seal: Seal;
  keepSecret: (token: string) => void;
  nowMs: () => number;
  /** Told of a token that a sweep could not revoke: it lives until its hour ends, or until a later sweep. */
  onSweepError?: (error: unknown, grantId: string) => void;
}): Grants {
  const { app, db, seal, nowMs } = parts;

  async function mint(duty: Duty, scope: GrantScope): Promise<{ id: string; token: string }> {
    const row: GrantRow = {
      id: randomUUID(),
      run: scope.run ?? null,
      duty,
      repositoryId: scope.repositoryId,
      permissions: duties[duty],
      state: "minting",
      mintedAtMs: nowMs(),
      expiresAtMs: nowMs() + hourMs,
      revokedAtMs: null,
      token: null,
    };
    // In the ledger before the call: a token whose answer is lost exists all the same, until its hour ends.
    await addGrant(db, row);
    try {
      const { data } = await app.api.request("POST /app/installations/{installation_id}/access_tokens", {
        installation_id: scope.installationId,
        repository_ids: [scope.repositoryId],
        permissions: duties[duty],
      });
      parts.keepSecret(data.token);
      await markMinted(db, { id: row.id, sealedToken: seal.seal(data.token), expiresAtMs: Date.parse(data.expires_at) });
      return { id: row.id, token: data.token };
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && status < 500) await dropGrant(db, row.id);
      throw await explainRefusedMint(app, error, { ...scope, permissions: duties[duty] });
    }
  }

  async function revoke(grant: { id: string; token: string }): Promise<void> {
    try {
      await app.apiFor(grant.token).rest.apps.revokeInstallationAccessToken();
    } catch (error) {
      // 401: it is dead already, which is all that is wanted.
      if (statusOf(error) !== 401) throw error;
    }
    await markRevoked(db, grant.id, nowMs());
  }

  /** True where a token was killed: neither where it had died of age nor where nobody knows it. */
  async function revokeRow(row: GrantRow): Promise<boolean> {
    if (row.expiresAtMs <= nowMs()) await markRevoked(db, row.id, row.expiresAtMs);
    else if (row.token !== null) {
      await revoke({ id: row.id, token: seal.open(row.token) });
      return true;
    }
    return false;
  }

  /** The run's token for this duty, which lives on between steps: minted at need, known to the redactor. */
  async function lend(duty: Duty, scope: GrantScope): Promise<string> {
    if (!scope.run) throw new Fault("grant.unscoped", "A kept token belongs to a run", { remedy: "Report this" });
    const rows = await grantsOf(db, scope.run);
    const kept = rows.find(
      (r) => r.duty === duty && r.state === "live" && r.token !== null && r.expiresAtMs - nowMs() > minLifeMs,
    );
    const token = kept?.token ? seal.open(kept.token) : (await mint(duty, scope)).token;
    parts.keepSecret(token);
    return token;
  }

  return {
    async mint(duty, scope) {
      const grant = await mint(duty, scope);
      return { token: grant.token, api: app.apiFor(grant.token), [Symbol.asyncDispose]: () => revoke(grant) };
    },
    keep: async (duty, scope) => app.apiFor(await lend(duty, scope)),
    lend,
    async revokeAll(run, duty) {
      for (const row of await grantsOf(db, run))
        if (row.state !== "revoked" && (duty === undefined || row.duty === duty)) await revokeRow(row);
    },
    async sweep(keepFor, olderThanMs) {
      let count = 0;
      for (const row of await openGrants(db)) {
        if (row.run && keepFor.has(row.run)) continue;
        // With 0 the clock plays no part: it may have been set back since.
        if (olderThanMs > 0 && row.mintedAtMs > nowMs() - olderThanMs) continue;
        try {
          if (await revokeRow(row)) count++;
        } catch (error) {
          parts.onSweepError?.(error, row.id);
        }
      }
      return count;
    },
  };
}
