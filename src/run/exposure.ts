/** ◆ What a token inside of a sandbox could do to its repository, and what moved there while the sandbox held it. */

/** As it was when the token was lent. */
export interface Exposure {
  /** Where the run's work is meant to go. */
  branch: string;
  /** Undefined: GitHub did not say. */
  protected?: boolean;
  /** Full name → object; undefined: it could not be read. */
  refs?: Readonly<Record<string, string>>;
}

/** A ref that is not where it was. No `from`: it is new; no `to`: it is gone. */
export interface MovedRef {
  ref: string;
  from?: string;
  to?: string;
}

export function decideMoved(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): MovedRef[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((ref) => {
    const [from, to] = [Object.hasOwn(before, ref) ? before[ref] : undefined, Object.hasOwn(after, ref) ? after[ref] : undefined];
    return from === to ? [] : [{ ref, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
  });
}

const mostNamed = 20;

/** A sentence each. `moved`: undefined while the sandbox still holds the token, or where GitHub could not be asked afterwards. */
export function printExposure(exposure: Exposure, moved: readonly MovedRef[] | undefined, ended: boolean): string[] {
  const { branch } = exposure;
  const standing = {
    true: `${branch} is protected: what its rules allow, the token inside can do.`,
    false: `${branch} is not protected: the token inside can rewrite it. Protect it, and all branches but agent/**, with a ruleset.`,
    undefined: `Whether ${branch} is protected could not be read: take it that the token inside can rewrite it.`,
  }[`${exposure.protected}`];
  if (!ended) return [standing];
  if (moved === undefined)
    return [standing, "What moved on GitHub meanwhile could not be compared: look at branches and tags yourself."];
  const named = moved.slice(0, mostNamed).map(({ ref, from, to }) => {
    const how =
      from === undefined
        ? `is new, at ${short(to)}`
        : to === undefined
          ? `is gone, was at ${short(from)}`
          : `moved from ${short(from)} to ${short(to)}`;
    return `${ref} ${how} while the sandbox held a token: by the agent or by somebody else, and nobody inspected it.`;
  });
  const more = moved.length - named.length;
  return [standing, ...named, ...(more > 0 ? [`${more} more refs moved meanwhile.`] : [])];
}

function short(sha = ""): string {
  return sha.slice(0, 12);
}
