/** A GitHub account as a delivery tells it. */
export interface AccountName {
  id: number;
  login: string;
}

/** Whether an account's installation may run agents here. Pure. `accounts`: as in the settings, lower-case logins or `id:N`.
 *  A login can be given up and taken by somebody else; `id:N` cannot. */
export function isServedAccount(accounts: readonly string[], { id, login }: AccountName): boolean {
  return accounts.includes(`id:${id}`) || accounts.includes(login.toLowerCase());
}
