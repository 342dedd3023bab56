import { describe, expect, it } from "vitest";
import type { Api } from "../../../src/github/api.ts";
import { readTrustedComments } from "../../../src/prepare/comments.ts";
import { requestOf } from "../../helpers/store.ts";

const askedAtMs = Date.parse("2026-01-01T12:00:00Z");
const early = "2026-01-01T11:00:00Z";
const late = "2026-01-01T12:00:01Z";

interface Written {
  body: string | null;
  user: { id: number; login: string; type: string } | null;
  created_at: string;
  updated_at: string;
  performed_via_github_app?: { id: number } | null;
}

const ada = { id: 1, login: "ada", type: "User" };
const written = (change: Partial<Written> = {}): Written => ({
  body: "Mind the tests.",
  user: ada,
  created_at: early,
  updated_at: early,
  ...change,
});

/** GitHub with these comments, in pages of two; `may`: what each login may do, by the id that GitHub knows it under. */
function apiWith(comments: Written[], may: Record<string, { id: number; permission: string }>, asked: string[] = []): Api {
  return {
    paginate: {
      async *iterator() {
        for (let n = 0; n < comments.length; n += 2) yield { data: comments.slice(n, n + 2) };
      },
    },
    rest: {
      issues: {},
      repos: {
        getCollaboratorPermissionLevel: async ({ username }: { username: string }) => {
          asked.push(username);
          const known = may[username];
          return { data: { permission: known?.permission ?? "none", user: { id: known?.id ?? 0 } } };
        },
      },
    },
  } as unknown as Api;
}

const may = { ada: { id: 1, permission: "write" }, root: { id: 2, permission: "admin" }, eve: { id: 3, permission: "read" } };
const read = (comments: Written[], limit = 10, asked: string[] = []) =>
  readTrustedComments(apiWith(comments, may, asked), requestOf(7, { askedAtMs }), limit);

describe("the comments that the agent reads", () => {
  it("[35] are those of people with write access, oldest first", async () => {
    const root = { id: 2, login: "root", type: "User" };
    expect(await read([written(), written({ user: root, body: "And the docs." })])).toEqual([
      { author: "ada", text: "Mind the tests." },
      { author: "root", text: "And the docs." },
    ]);
  });

  it.each<[string, Partial<Written>]>([
    ["of somebody without write access", { user: { id: 3, login: "eve", type: "User" } }],
    ["of a stranger", { user: { id: 4, login: "mallory", type: "User" } }],
    ["under a login that was taken over", { user: { id: 99, login: "ada", type: "User" } }],
    ["of a bot with a person's name", { user: { ...ada, type: "Bot" } }],
    ["that an App wrote for a person", { performed_via_github_app: { id: 5 } }],
    ["of an account that is gone", { user: null }],
    ["made after the request", { created_at: late, updated_at: late }],
    ["changed after the request", { updated_at: late }],
    ["that is a command", { body: "/agent fix it" }],
    ["that is nothing but a command", { body: "/agent" }],
  ])("are none %s", async (_, change) => {
    expect(await read([written(change)])).toEqual([]);
  });

  it("are those that only begin like a command as well", async () => {
    expect(await read([written({ body: "/agents of change" })])).toHaveLength(1);
  });

  it("are the newest where there are many, and each author is asked about once", async () => {
    const asked: string[] = [];
    const many = Array.from({ length: 7 }, (_, n) => written({ body: `${n}` }));
    expect((await read(many, 3, asked)).map(({ text }) => text)).toEqual(["4", "5", "6"]);
    expect(asked).toEqual(["ada"]);
  });
});
