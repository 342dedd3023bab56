/** ◆ Where a repository is, by its id: names are given up, and taken by others. */
export interface Home {
  repositoryId: number;
  /** Through which the App works there. */
  installationId: number;
  accountId: number;
  /** As GitHub spells them. */
  owner: string;
  name: string;
}

/** A repository as GitHub's answers tell it. */
interface Told {
  id: number | bigint;
  name: string;
  owner: { id: number | bigint; login: string };
}

/** What GitHub says of this repository among those that a token reaches; undefined where it says nothing. */
export function readHome<T extends Told>(
  told: readonly T[] | undefined,
  at: { repositoryId: number; installationId: number },
): { home: Home; told: T } | undefined {
  const found = told?.find(({ id }) => Number(id) === at.repositoryId);
  if (!found) return undefined;
  const { owner, name } = found;
  const { repositoryId, installationId } = at;
  return { home: { repositoryId, installationId, accountId: Number(owner.id), owner: owner.login, name }, told: found };
}

/** True where it is called otherwise, or worked on through another installation, than whoever asks believes. */
export function isElsewhere(home: Home, believed: { installationId: number; repository: string }): boolean {
  return believed.installationId !== home.installationId || believed.repository !== `${home.owner}/${home.name}`;
}
