import { randomBytes } from "node:crypto";
import { type Account, type Role, timestamp, type World } from "./state.ts";

export interface LocalUser {
  login: string;
  id: number;
  /** A personal token: `Authorization: token X` for REST, the password for git. */
  token: string;
}

/** One for each kind of right. On a repository that is nobody's fork they have their roles; the outsider has none. */
export type PersonName = "maintainer" | "writer" | "triager" | "outsider";

const roles: Partial<Record<PersonName, Role>> = { maintainer: "admin", writer: "write", triager: "triage" };

export function createPeople(world: World): Record<PersonName, LocalUser> {
  return {
    maintainer: createPerson(world, "maintainer"),
    writer: createPerson(world, "writer"),
    triager: createPerson(world, "triager"),
    outsider: createPerson(world, "outsider"),
  };
}

function createPerson(world: World, login: PersonName): LocalUser {
  const token = `ghp_${randomBytes(18).toString("hex")}`;
  const account: Account = { id: world.nextId(), login, type: "User", createdAt: timestamp(world.nowMs()), token };
  world.accounts.push(account);
  return { login, id: account.id, token };
}

/** An owner that nobody knows yet is an organisation. */
export function ensureOwner(world: World, login: string): Account {
  const known = world.accounts.find((account) => account.login.toLowerCase() === login.toLowerCase());
  if (known !== undefined) return known;
  const account: Account = { id: world.nextId(), login, type: "Organization", createdAt: timestamp(world.nowMs()) };
  world.accounts.push(account);
  return account;
}

/** The roles of these people in a repository of their own: by account id. */
export function usualRoles(world: World): Map<number, Role> {
  return new Map(
    world.accounts.flatMap(({ id, login }) => (login in roles ? [[id, roles[login as PersonName] ?? "read"] as const] : [])),
  );
}
