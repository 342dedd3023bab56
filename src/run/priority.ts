/** One rule of the operator's: whose runs go first. */
export interface PriorityRule {
  /** "owner/name", "owner/*" or "id:N", in lower case. */
  of: string;
  priority: number;
}

/** ◆ The first rule that names the repository decides; 0 where none does. */
export function priorityOf(rules: readonly PriorityRule[], repository: { owner: string; name: string; id: number }): number {
  const owner = repository.owner.toLowerCase();
  const names = [`${owner}/${repository.name.toLowerCase()}`, `${owner}/*`, `id:${repository.id}`];
  return rules.find(({ of }) => names.includes(of))?.priority ?? 0;
}
