import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { GitHubApp } from "../../../src/github/app.ts";
import { duties } from "../../../src/github/duty.ts";
import { createGrants, type Grants, scopeOf } from "../../../src/github/grant.ts";
import { openSeal } from "../../../src/secret/seal.ts";
import { type GrantRow, grantsOf, openGrants } from "../../../src/store/queries/grants.ts";
import type { RunRow } from "../../../src/store/queries/runs.ts";
import { controlFell } from "../../helpers/control.ts";
import { httpError } from "../../helpers/http-error.ts";
import { addHeldRun, openTestStore, requestOf } from "../../helpers/store.ts";

const hourMs = 3_600_000;
let store: Awaited<ReturnType<typeof openTestStore>>;
let grants: Grants;
let nowMs = 0;
let run: RunRow;
let count = 0;
/** What GitHub is asked, and how it answers the next calls. */
let asked: Record<string, unknown>[] = [];
let revoked: string[] = [];
let kept: string[] = [];
let mintFails: Error | undefined;
let revokeFails: Error | undefined;

// As much of the App as grants use: no network.
const app = {
  api: {
    request: async (_route: string, parameters: Record<string, unknown>) => {
      asked.push(parameters);
      if (mintFails) throw mintFails;
      return { data: { token: `ghs_${asked.length}_${count}`, expires_at: new Date(nowMs + hourMs).toISOString() } };
    },
    rest: {
      apps: {
        getInstallation: async () => ({ data: { permissions: { checks: "read" }, html_url: "https://github.com/x/77" } }),
        listInstallations: async () => ({ data: [] }),
      },
    },
  },
  apiFor: (given: string | (() => string)) => apiOf(typeof given === "string" ? given : given()),
} as unknown as GitHubApp;

function apiOf(token: string) {
  return {
    token,
    hook: { wrap() {} },
    rest: {
      apps: {
        listReposAccessibleToInstallation: async () => ({
          data: { repositories: [{ id: 500, name: "shop", owner: { id: 1, login: "acme" } }] },
        }),
        revokeInstallationAccessToken: async () => {
          if (revokeFails) throw revokeFails;
          revoked.push(token);
        },
      },
    },
  };
}

beforeAll(async () => {
  store = await openTestStore();
  const seal = openSeal(join(store.folder, "seal.key"));
  grants = createGrants({
    app,
    db: store.db,
    seal,
    keepSecret: (token) => kept.push(token),
    nowMs: () => nowMs,
    accounts: ["acme"],
  });
}, 60_000);
afterAll(() => store[Symbol.asyncDispose]());
beforeEach(async () => {
  nowMs = 1_000_000;
  [asked, revoked, kept, mintFails, revokeFails] = [[], [], [], undefined, undefined];
  count++;
  run = await addHeldRun(store, { name: `grant${"abcdefghijklmnopqrstuvwxyz".charAt(count)}`, number: count });
});

const scope = () => scopeOf(run.id, run.request);
const ledger = async (): Promise<Pick<GrantRow, "duty" | "state">[]> =>
  (await grantsOf(store.db, run.id)).map(({ duty, state }) => ({ duty, state }));

describe("a token", () => {
  it("is asked for with its duty's permissions, for the one repository", async () => {
    await using _ = await grants.mint("publisher", scope());
    expect(asked).toEqual([{ installation_id: 77, repository_ids: [500], permissions: duties.publisher }]);
  });

  it("is known to the redactor, sealed in the ledger, and revoked when it is let go", async () => {
    {
      await using grant = await grants.mint("starter", scope());
      expect(kept).toEqual([grant.token]);
      const [row] = await grantsOf(store.db, run.id);
      expect(row).toMatchObject({ state: "live", expiresAtMs: nowMs + hourMs });
      expect(row?.token).toMatch(/^s1\./);
      expect(row?.token).not.toContain(grant.token);
    }
    expect(revoked).toEqual(kept);
    expect(await grantsOf(store.db, run.id)).toMatchObject([{ state: "revoked", token: null, revokedAtMs: nowMs }]);
  });

  it("that is dead already counts as revoked", async () => {
    const grant = await grants.mint("starter", scope());
    revokeFails = httpError(401);
    await grant[Symbol.asyncDispose]();
    expect(await ledger()).toEqual([{ duty: "starter", state: "revoked" }]);
  });

  it("that cannot be revoked now stays in the ledger until it is", async () => {
    const grant = await grants.mint("starter", scope());
    revokeFails = httpError(502);
    await expect(grant[Symbol.asyncDispose]()).rejects.toThrow();
    await expect(grants.revokeAll(run.id)).rejects.toThrow();
    expect(await ledger()).toEqual([{ duty: "starter", state: "live" }]);
    revokeFails = undefined;
    await grants.revokeAll(run.id);
    expect(revoked).toEqual([grant.token]);
  });
});

describe("a kept token", () => {
  it("is revoked by itself where its duty has ended, and the run's others live on", async () => {
    const inside = await grants.lend("insider", scope());
    await grants.keep("reporter", scope());
    await grants.revokeAll(run.id, "insider");
    expect(revoked).toEqual([inside]);
    expect(await ledger()).toEqual(
      expect.arrayContaining([
        { duty: "insider", state: "revoked" },
        { duty: "reporter", state: "live" },
      ]),
    );
  });
});

describe("a clock that is set", () => {
  it("[81] forward by an hour lets no token be forgotten that lives", async () => {
    const token = await grants.lend("insider", scope());
    nowMs += hourMs + 1;
    // By the ledger alone it is dead; GitHub's clock says otherwise.
    const [row] = await grantsOf(store.db, run.id);
    controlFell((row?.expiresAtMs ?? 0) <= nowMs && revoked.length === 0, "who goes by the ledger forgets it");
    await grants.revokeAll(run.id, "insider");
    expect(revoked).toEqual([token]);
    expect(await ledger()).toEqual([{ duty: "insider", state: "revoked" }]);
  });

  it("[81] forward, where GitHub lets nobody revoke, leaves the ledger with a token that died of age", async () => {
    await grants.lend("insider", scope());
    nowMs += hourMs + 1;
    revokeFails = httpError(403);
    await grants.revokeAll(run.id);
    expect(await ledger()).toEqual([{ duty: "insider", state: "revoked" }]);
  });

  it("[81] back by an hour has nobody lent a token whose age is not known any more", async () => {
    const first = await grants.lend("reader", scope());
    nowMs -= hourMs;
    const [row] = await grantsOf(store.db, run.id);
    controlFell((row?.expiresAtMs ?? 0) - nowMs > hourMs, "by its end alone it lives for longer than any token");
    expect(await grants.lend("reader", scope())).not.toBe(first);
  });
});

describe("a lent token", () => {
  it("has twenty minutes left whenever it is asked for, however long the run", async () => {
    const lent = new Set<string>();
    for (let minute = 0; minute < 600; minute += 5, nowMs += 5 * 60_000) {
      const token = await grants.lend("reader", scope());
      lent.add(token);
      const row = (await grantsOf(store.db, run.id)).findLast(({ state }) => state === "live");
      expect((row?.expiresAtMs ?? 0) - nowMs).toBeGreaterThan(20 * 60_000);
    }
    // One in forty minutes: no more than are needed.
    expect(lent.size).toBe(15);
  });
});

describe("a mint", () => {
  it.each([
    ["no answer came", httpError(undefined)],
    ["the answer was 502", httpError(502)],
  ])("whose token may exist, as %s, stays in the ledger until its hour is over", async (_, error) => {
    mintFails = error;
    await expect(grants.mint("reporter", scope())).rejects.toMatchObject({ code: "github.away" });
    await grants.revokeAll(run.id);
    expect(await ledger()).toEqual([{ duty: "reporter", state: "minting" }]);
    nowMs += hourMs + 1;
    await grants.revokeAll(run.id);
    expect(await ledger()).toEqual([{ duty: "reporter", state: "revoked" }]);
    expect(revoked).toEqual([]);
  });

  it("that GitHub refuses leaves nothing in the ledger, and names the permission and the place to grant it", async () => {
    mintFails = httpError(422, { message: "The permissions requested are not granted" });
    await expect(grants.mint("reporter", scope())).rejects.toMatchObject({
      code: "grant.permission-missing",
      message: expect.stringMatching(/acme\/shop: Checks: read and write, Issues: read and write, Pull requests/),
      remedy: expect.stringContaining("https://github.com/x/77"),
    });
    expect(await ledger()).toEqual([]);
  });

  it.each([
    [403, "grant.refused", "This installation has been"],
    [404, "grant.uninstalled", "not installed for acme"],
  ])("that GitHub answers with %i says so", async (status, code, words) => {
    mintFails = httpError(status, { message: "This installation has been told to wait" });
    await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it("that a limit refuses is tried again, not given up", async () => {
    mintFails = httpError(403, { headers: { "retry-after": "60" } });
    await expect(grants.mint("fetcher", scope())).rejects.toMatchObject({ code: "github.away" });
  });

  it("that fails for a reason of ours shows it to nobody as GitHub's word", async () => {
    mintFails = new TypeError("x is undefined");
    await expect(grants.mint("fetcher", scope())).rejects.toBe(mintFails);
  });
});

describe("a run's kept token", () => {
  const tokenOf = async (duty: "reporter" | "fetcher", of = scope()): Promise<string> =>
    ((await grants.keep(duty, of)) as unknown as { token: string }).token;

  it("is minted once, and anew when it grows old or serves another duty", async () => {
    const first = await tokenOf("reporter");
    expect(await tokenOf("reporter")).toBe(first);
    expect(await tokenOf("fetcher")).not.toBe(first);
    nowMs += hourMs - 4 * 60_000;
    const second = await tokenOf("reporter");
    expect(second).not.toBe(first);
    await grants.revokeAll(run.id);
    expect(revoked).toHaveLength(3);
    expect(await tokenOf("reporter")).not.toBe(second);
  });

  it("is never another run's", async () => {
    const first = await tokenOf("reporter");
    const other = await addHeldRun(store, { name: `other${"abcdefghijklmnopqrstuvwxyz".charAt(count)}`, number: 900 + count });
    expect(await tokenOf("reporter", scopeOf(other.id, other.request))).not.toBe(first);
    await grants.revokeAll(run.id);
    expect(revoked).toEqual([first]);
  });

  it("belongs to a run", async () => {
    await expect(grants.keep("reporter", { ...scope(), run: undefined })).rejects.toMatchObject({ code: "grant.unscoped" });
  });
});

describe("the sweep at the start", () => {
  it("revokes what nobody will use any more, of runs and of none, and leaves the open runs their own", async () => {
    await grants.sweep(new Set(), 0);
    revoked = [];
    const own = (await grants.keep("reporter", scope())) as unknown as { token: string };
    const stray = await grants.mint("doorman", { ...scopeOf(run.id, requestOf(1)), run: undefined });
    expect(await grants.sweep(new Set([run.id]), 0)).toBe(1);
    expect(revoked).toEqual([stray.token]);
    expect(await grants.sweep(new Set(), 0)).toBe(1);
    expect(revoked).toEqual([stray.token, own.token]);
    expect((await openGrants(store.db)).filter(({ state }) => state === "live")).toEqual([]);
  });
});

describe("[48] a process that has lost its run", () => {
  const grantsFor = (holder: string) =>
    createGrants({
      ...{ app, db: store.db, keepSecret: (token: string) => kept.push(token), nowMs: () => nowMs, accounts: ["acme"] },
      seal: openSeal(join(store.folder, "seal.key")),
      claimant: { holder, machine: holder },
    });
  const takeOver = async () => {
    await store.db.updateTable("runs").set({ holder: "next" }).where("id", "=", run.id).execute();
    const next = grantsFor("next");
    await next.revokeAll(run.id);
    return { next, token: await next.lend("insider", scope()) };
  };

  it("is not lent the token of whoever has it now", async () => {
    const slow = grantsFor("me");
    await slow.lend("insider", scope());
    await takeOver();
    kept = [];
    await expect(slow.lend("insider", scope())).rejects.toMatchObject({ code: "run.lost" });
    expect(kept).toEqual([]);
  });

  it("does not kill the tokens of whoever has it now", async () => {
    const slow = grantsFor("me");
    await slow.lend("insider", scope());
    await takeOver();
    revoked = [];
    await expect(slow.revokeAll(run.id)).rejects.toMatchObject({ code: "run.lost" });
    expect(revoked).toEqual([]);
  });
});
