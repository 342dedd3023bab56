import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import { Fault } from "../fault.ts";
import { type Home, isElsewhere, readHome } from "../run/home.ts";
import type { RunId } from "../run/identity.ts";
import type { RunRequest } from "../run/request.ts";
import type { Seal } from "../secret/seal.ts";
import {
  addGrant,
  dropGrant,
  type GrantRow,
  grantsOf,
  holdsRun,
  markMinted,
  markRevoked,
  openGrants,
} from "../store/queries/grants.ts";
import { putHome } from "../store/queries/homes.ts";
import { runLost } from "../store/queries/lease.ts";
import type { Schema } from "../store/schema.ts";
import { type Api, isHttpError, isPassing, statusOf } from "./api.ts";
import type { GitHubApp } from "./app.ts";
import { type Duty, duties } from "./duty.ts";

import { explainRefusedMint } from "./refused-mint.ts";
import { searchHome } from "./search-home.ts";

/** For which installation, repository and run a token is. One repository only; never shared between runs. */
export interface GrantScope {
  installationId: number;
  repositoryId: number;
  /** What it is believed to be called: "owner/name". No token is given out under a name that is not its any more. */
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
  /**
   * A token of its own, revoked when the grant is disposed of. Throws Fault "repository.moved" where the repository is elsewhere than the
   * scope says, which is noted, so that whoever tries again finds it there; "github.away"; what `decideRefusedMint` says.
   */
  mint(duty: Duty, scope: GrantScope): Promise<Grant>;
  /** Whether the repository is there, and may be written to. Throws as `mint`. */
  look(scope: GrantScope): Promise<{ archived: boolean }>;
  /** The run's token for this duty, which lives on between steps: minted at need, until `revokeAll`. One that GitHub does not take any more is replaced once. */
  keep(duty: Duty, scope: GrantScope): Promise<Api>;
  /** As `keep`, but the token itself, for whoever uses it over a longer span: it has at least twenty minutes left. */
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

/** A kept token is asked where its repository is before it is used, but not so often that a step asks twice. */
const seenForMs = 10_000;
const minLifeMs = 5 * 60_000;
/** Its holder is looked after twice a minute: many of those may fail before the token ends. */
const minLentLifeMs = 20 * 60_000;
const hourMs = 60 * 60_000;
/** No delivery takes that long: what its machine still needs of it is over. */
const foreignMs = 10 * 60_000;

interface Asked {
  id: string;
  token: string;
  /** Undefined where GitHub does not say. */
  home: Home | undefined;
  archived: boolean;
}
/** So far a clock may be set forward without a token being forgotten that lives. */
const disbeliefMs = 2 * hourMs;

export function createGrants(parts: {
  app: GitHubApp;
  db: Kysely<Schema>;
  seal: Seal;
  keepSecret: (token: string) => void;
  nowMs: () => number;
  /** Whoever mints for a run must hold it: one that lost it, and does not know yet, gets no token for it. */
  claimant?: { holder: string; machine: string };
  /** Whose installations may run: a repository is looked for nowhere else. */
  accounts: readonly string[];
  /** Told of a token that a sweep could not revoke: it lives until its hour ends, or until a later sweep. */
  onSweepError?: (error: unknown, grantId: string) => void;
}): Grants {
  const { app, db, seal, nowMs } = parts;

  /** When GitHub last said where the repository of a kept token is, by the grant's id. */
  const seenAtMs = new Map<string, number>();

  /** One token, as GitHub gives it. Throws GitHub's refusal as it is. */
  async function ask(duty: Duty, scope: GrantScope): Promise<Asked> {
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
      machine: parts.claimant?.machine ?? null,
    };
    const holder = parts.claimant?.holder;
    if (scope.run && !(await holdsRun(db, scope.run, holder))) throw runLost();
    // In the ledger before the call: a token whose answer is lost exists all the same, until its hour ends.
    await addGrant(db, row);
    let asked: Asked;
    try {
      const { data } = await app.api.request("POST /app/installations/{installation_id}/access_tokens", {
        installation_id: scope.installationId,
        repository_ids: [scope.repositoryId],
        permissions: duties[duty],
      });
      parts.keepSecret(data.token);
      const minted = { id: row.id, sealedToken: seal.seal(data.token), expiresAtMs: Date.parse(data.expires_at) };
      const isOurs = await markMinted(db, { ...minted, holder });
      const found = readHome(data.repositories, scope);
      asked = { id: row.id, token: data.token, home: found?.home, archived: found?.told.archived ?? false };
      if (isOurs) return asked;
    } catch (error) {
      const status = statusOf(error);
      if (status !== undefined && status < 500) await dropGrant(db, row.id);
      throw error;
    }
    // Lost while GitHub answered: who has it now killed what it knew of, and this one came later.
    await revoke(asked);
    throw runLost();
  }

  async function mint(duty: Duty, scope: GrantScope): Promise<Asked> {
    const asked = await ask(duty, scope).catch(async (error: unknown) => {
      throw await explain(duty, scope, error);
    });
    if (asked.home && isElsewhere(asked.home, scope)) {
      await revoke(asked);
      throw await noteMove(scope, asked.home);
    }
    seenAtMs.set(asked.id, nowMs());
    return asked;
  }

  /** Where the installation gives no token, another one may: the repository was transferred, or the App installed anew. */
  async function explain(duty: Duty, scope: GrantScope, error: unknown): Promise<unknown> {
    if (error instanceof Fault) return error;
    const why = await explainRefusedMint(app, error, { ...scope, permissions: duties[duty] });
    if (!(why instanceof Fault) || (why.code !== "grant.repository-gone" && why.code !== "grant.uninstalled")) return why;
    const home = await searchHome({ app, accounts: parts.accounts }, scope, async (installationId) => {
      const asked = await ask("finder", { ...scope, installationId });
      await revoke(asked);
      return asked.home;
    });
    return home ? noteMove(scope, home) : why;
  }

  async function noteMove(scope: GrantScope, home: Home): Promise<Fault> {
    await putHome(db, { ...home, atMs: nowMs() });
    return new Fault("repository.moved", `${scope.repository} is ${home.owner}/${home.name} by now`, {
      remedy: "It goes on there by itself",
    });
  }

  /** Whether a kept token still reaches its repository, under the name that is believed. Throws Fault "repository.moved" where it has another. */
  async function reaches(grant: { id: string; token: string }, scope: GrantScope): Promise<boolean> {
    if (nowMs() - (seenAtMs.get(grant.id) ?? 0) < seenForMs) return true;
    try {
      const { data } = await app.apiFor(grant.token).rest.apps.listReposAccessibleToInstallation({ per_page: 5 });
      const found = readHome(data.repositories, scope);
      if (!found) {
        await revoke(grant);
        return false;
      }
      if (isElsewhere(found.home, scope)) throw await noteMove(scope, found.home);
      seenAtMs.set(grant.id, nowMs());
      return true;
    } catch (error) {
      // GitHub does not say now: whatever is asked of it next will, and by this token nothing is written anywhere else.
      if (isHttpError(error) && isPassing(error)) return true;
      // Dead before its time: revoked by somebody else, or by a clock that goes wrong.
      if (statusOf(error) === 401) await markRevoked(db, grant.id, nowMs());
      // What it means that the installation refuses is told where another token is asked for.
      if (statusOf(error) === 401 || statusOf(error) === 403) return false;
      throw error;
    }
  }

  async function revoke(grant: { id: string; token: string }): Promise<void> {
    try {
      await app.apiFor(grant.token).rest.apps.revokeInstallationAccessToken();
    } catch (error) {
      // 401: it is dead already, which is all that is wanted.
      if (statusOf(error) !== 401) throw error;
    }
    seenAtMs.delete(grant.id);
    await markRevoked(db, grant.id, nowMs());
  }

  /** True where a token was killed: neither where it had died of age nor where nobody knows it. */
  async function revokeRow(row: GrantRow): Promise<boolean> {
    const aged = row.expiresAtMs <= nowMs();
    // A clock that was set forward calls dead what lives: for a while longer GitHub is asked all the same.
    if (row.token !== null && row.expiresAtMs + disbeliefMs > nowMs())
      try {
        await revoke({ id: row.id, token: seal.open(row.token) });
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (!aged || status === undefined || status >= 500) throw error;
      }
    if (aged) await markRevoked(db, row.id, row.expiresAtMs);
    return false;
  }

  /** The run's token for this duty, which lives on between steps: minted at need, known to the redactor. */
  async function lend(duty: Duty, scope: GrantScope, leftMs: number): Promise<{ id: string; token: string }> {
    if (!scope.run) throw new Fault("grant.unscoped", "A kept token belongs to a run", { remedy: "Report this" });
    const rows = await grantsOf(db, scope.run);
    // Minted later than now: the clock was set back since, and nobody knows how old it is.
    const lives = (r: GrantRow) => r.expiresAtMs - nowMs() > leftMs && r.mintedAtMs <= nowMs();
    const row = rows.find((r) => r.duty === duty && r.state === "live" && r.token !== null && lives(r));
    const kept = row?.token ? { id: row.id, token: seal.open(row.token) } : undefined;
    // Asked after it was read: a token of whoever has the run by now is not for one who lost it, and who loses it from here on loses this too.
    if (kept && !(await holdsRun(db, scope.run, parts.claimant?.holder))) throw runLost();
    if (kept) parts.keepSecret(kept.token);
    return kept && (await reaches(kept, scope)) ? kept : mint(duty, scope);
  }

  /** The kept token's API. One that GitHub does not take any more is replaced once: it was revoked by somebody, or our clock is wrong. */
  async function keep(duty: Duty, scope: GrantScope): Promise<Api> {
    let { id, token } = await lend(duty, scope, minLifeMs);
    const api = app.apiFor(() => token);
    let replacing: Promise<{ id: string; token: string }> | undefined;
    api.hook.wrap("request", async (request, options) => {
      const used = token;
      try {
        return await request(options);
      } catch (error) {
        // What has moved is looked for: the next attempt gets it right.
        if ((error as unknown) instanceof Fault) seenAtMs.delete(id);
        // A call that was refused so did nothing: it may be made again, whatever it is.
        if (statusOf(error) !== 401) throw error;
        if (token === used) {
          replacing ??= markRevoked(db, id, nowMs()).then(() => lend(duty, scope, minLifeMs));
          ({ id, token } = await replacing.finally(() => {
            replacing = undefined;
          }));
        }
        return await request(options);
      }
    });
    return api;
  }

  return {
    async mint(duty, scope) {
      const grant = await mint(duty, scope);
      return { token: grant.token, api: app.apiFor(grant.token), [Symbol.asyncDispose]: () => revoke(grant) };
    },
    async look(scope) {
      const asked = await mint("finder", scope);
      await revoke(asked);
      return { archived: asked.archived };
    },
    keep,
    lend: async (duty, scope) => (await lend(duty, scope, minLentLifeMs)).token,
    async revokeAll(run, duty) {
      // What is live by now is the next one's.
      if (!(await holdsRun(db, run, parts.claimant?.holder))) throw runLost();
      for (const row of await grantsOf(db, run))
        if (row.state !== "revoked" && (duty === undefined || row.duty === duty)) await revokeRow(row);
    },
    async sweep(keepFor, olderThanMs) {
      let count = 0;
      for (const row of await openGrants(db)) {
        if (row.run && keepFor.has(row.run)) continue;
        // Of another machine, which may be using it now.
        const foreign = row.machine !== null && row.machine !== parts.claimant?.machine;
        const spanMs = foreign ? Math.max(olderThanMs, foreignMs) : olderThanMs;
        // With 0 the clock plays no part: it may have been set back since.
        if (spanMs > 0 && row.mintedAtMs > nowMs() - spanMs) continue;
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
