/** Whether an account's installations may run here. All others are inert: anybody can install a public App. */
export function mayUse(rules: readonly string[], account: { id: number; login: string }): boolean {
  return rules.some((rule) => rule === `id:${account.id}` || rule === account.login.toLowerCase());
}
