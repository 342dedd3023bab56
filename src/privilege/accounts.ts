import { readFile } from "node:fs/promises";
import { execa } from "execa";
import { Fault } from "../fault.ts";

/** A Unix account that one of our processes runs under. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** The three accounts, or undefined where Airlock does not run as root: then all is one uid, and the evidence says so. */
export type Accounts = Record<AccountName, Account> | undefined;

export type AccountName = (typeof accountNames)[number];

/** Gateway, keeper of run repositories, keeper of bases: three, so that who meets the agent's bytes owns nothing of the others. */
export const accountNames = ["airlock-gateway", "airlock-git", "airlock-base"] as const;

/** As root: makes the missing system accounts (no home, no shell, own group) and returns all three. Otherwise undefined.
 *  Throws Fault "settings.accounts" where the machine will not have them. */
export async function ensureAccounts(): Promise<Accounts> {
  if (process.getuid?.() !== 0) return undefined;
  const [gateway, git, base] = [
    await ensureAccount("airlock-gateway"),
    await ensureAccount("airlock-git"),
    await ensureAccount("airlock-base"),
  ];
  return { "airlock-gateway": gateway, "airlock-git": git, "airlock-base": base };
}

async function ensureAccount(name: AccountName): Promise<Account> {
  const found = await findAccount(name);
  if (found) return found;
  // Both tools fail when the name is there already, also when another Airlock makes it at this moment: what counts is the state after.
  await run("groupadd", ["--system", name]);
  const home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"];
  const made = await run("useradd", ["--system", "--gid", name, ...home, name]);
  const account = await findAccount(name);
  if (account) return account;
  throw new Fault("settings.accounts", `The system account ${name} could not be made`, {
    remedy: `Make it by hand: useradd --system --no-create-home --shell /usr/sbin/nologin ${name}`,
    cause: made,
  });
}

async function findAccount(name: AccountName): Promise<Account | undefined> {
  return parsePasswd(await readFile("/etc/passwd", "utf8"), name);
}

/** Finds one line of a passwd file. An account with root's ids is no account of ours. */
export function parsePasswd(text: string, name: string): Account | undefined {
  for (const line of text.split("\n")) {
    const [login, , uid, gid] = line.split(":");
    if (login !== name || !/^\d+$/.test(uid ?? "") || !/^\d+$/.test(gid ?? "")) continue;
    const account = { name, uid: Number(uid), gid: Number(gid) };
    return account.uid > 0 && account.gid > 0 ? account : undefined;
  }
  return undefined;
}

async function run(file: string, args: string[]): Promise<unknown> {
  const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C" };
  const result = await execa(file, args, { extendEnv: false, env, reject: false, timeout: 15_000, stdin: "ignore" });
  return result.failed ? result : undefined;
}
