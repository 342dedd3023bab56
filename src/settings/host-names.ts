/** ◆ Names of hosts, as an operator lists them. */

const mostHosts = 64;

/** Names between commas or spaces, each in the one spelling that a name has here: lower-case ASCII, with two labels at least, no trailing
 *  dot, no wildcard, no address. Anything else is said, and not mended: a list that reads otherwise than it is meant opens a door. */
export function parseHostNames(text: string): { hosts: readonly string[] } | { wrong: string } {
  const hosts = [...new Set(text.split(/[\s,]+/).filter((name) => name !== ""))];
  if (hosts.length === 0) return { wrong: "names no host" };
  if (hosts.length > mostHosts) return { wrong: `names more than ${mostHosts} hosts` };
  const odd = hosts.flatMap((name) => findNameFault(name) ?? [])[0];
  return odd === undefined ? { hosts } : { wrong: odd };
}

function findNameFault(name: string): string | undefined {
  const shown = JSON.stringify(name.slice(0, 100));
  if (/[:/@?#]/.test(name)) return `names ${shown}: a host's name alone, without scheme, port or path`;
  if (name.includes("*")) return `names ${shown}: a wildcard lists hosts that nobody has looked at`;
  // As browsers and C libraries read them: the last label says that it is a number.
  if (/(?:^|\.)(?:\d+|0[xX][\da-fA-F]*)\.?$/.test(name)) return `names ${shown}: an address is no name`;
  if (name.endsWith(".")) return `names ${shown}: leave the dot at the end out`;
  const lower = name.toLowerCase();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character that is not ASCII
  if (/[^\x00-\x7f]/.test(name))
    return `names ${shown}: write it as ASCII (${URL.parse(`https://${name}`)?.hostname ?? "xn--…"})`;
  if (name !== lower) return `names ${shown}: write it in small letters (${lower})`;
  const labels = name.split(".");
  if (labels.length < 2) return `names ${shown}: a name needs a domain`;
  if (name.length > 253 || !labels.every((label) => /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/.test(label)))
    return `names ${shown}, which is no host's name`;
  return undefined;
}

/** Whether NO_PROXY names this host itself. Other forms of it are read differently by different programs. */
export function isNamedIn(noProxy: string | undefined, host: string): boolean {
  return (noProxy ?? "").split(/[\s,]+/).some((entry) => entry === "*" || entry.toLowerCase() === host);
}
