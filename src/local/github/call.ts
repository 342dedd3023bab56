import type { Account, App, InstallationToken, Repository, Role, World } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

/** Who speaks, as the Authorization header proved it. */
export type Actor =
  | { kind: "anonymous" }
  | { kind: "app"; app: App }
  | { kind: "installation"; app: App; token: InstallationToken; account: Account }
  | { kind: "user"; account: Account };

/** One REST request, found to be valid against GitHub's description before a handler sees it. */
export interface Call {
  world: World;
  webhooks: Webhooks;
  actor: Actor;
  /** Path and query parameters, with the types that the description gives them. */
  params: Record<string, unknown>;
  /** The JSON body; {} where there was none. */
  body: Record<string, unknown>;
  /** The Accept header. */
  accept: string;
  /** The request's address, for Link headers. */
  address: URL;
}

export interface RepositoryCall extends Call {
  repository: Repository;
}

export interface Reply {
  status: number;
  json?: unknown;
  /** Instead of JSON; not described by GitHub, so not validated. */
  raw?: { type: string; text: string | Uint8Array };
  headers?: Record<string, string>;
}

/** "issues:write": an App's token needs it. */
export type Need = `${string}:${"read" | "write"}`;

export type Route =
  | { by: "anyone" | "app" | "installation" | "user"; answer(call: Call): Promise<Reply> | Reply }
  | {
      by: "repository";
      /** Any one of these is enough for an App's token. */
      needs: Need[] | ((call: RepositoryCall) => Need[]);
      /** What a user must be at least; a public repository makes everybody a reader. */
      role: Role;
      answer(call: RepositoryCall): Promise<Reply> | Reply;
    };

export type Routes = Record<string, Route>;

export function inRepository(
  needs: Need[] | ((call: RepositoryCall) => Need[]),
  role: Role,
  answer: (call: RepositoryCall) => Promise<Reply> | Reply,
): Route {
  return { by: "repository", needs, role, answer };
}

/** A parameter that the description declares as a string. */
export function text(call: Call, name: string): string {
  return String(call.params[name] ?? "");
}

/** A parameter that the description declares as an integer. */
export function number(call: Call, name: string): number {
  return Number(call.params[name]);
}

/** The account that a write is attributed to: the App's bot for an App's token. Routes that write never let anonymous or an App's JWT in. */
export function writer(actor: Actor): Account {
  if (actor.kind === "user" || actor.kind === "installation") return actor.account;
  throw new Error("a write without an account behind it");
}

export function viaApp(actor: Actor): App | null {
  return actor.kind === "installation" ? actor.app : null;
}

/** One page of a list, with GitHub's Link header. */
export function page<T>(call: Call, items: T[], render: (items: T[]) => unknown): Reply {
  const perPage = Math.min(Math.max(Number(call.params.per_page ?? 30), 1), 100);
  const current = Math.max(Number(call.params.page ?? 1), 1);
  const last = Math.max(Math.ceil(items.length / perPage), 1);
  const link = (at: number, rel: string): string => {
    const address = new URL(call.address);
    address.searchParams.set("page", String(at));
    return `<${address.href}>; rel="${rel}"`;
  };
  const links: string[] = [];
  if (current > 1) links.push(link(current - 1, "prev"), link(1, "first"));
  if (current < last) links.push(link(current + 1, "next"), link(last, "last"));
  const shown = items.slice((current - 1) * perPage, current * perPage);
  return { status: 200, json: render(shown), ...(links.length > 0 ? { headers: { link: links.join(", ") } } : {}) };
}
