/** ◆ Which tunnel a CONNECT asks for, if any. */

export type AuthorityDecision = { host: string } | TunnelRefusal;

export interface TunnelRefusal {
  rule: string;
  status: 400 | 403 | 429 | 502;
  why: string;
  grant?: string;
}

export const listing = "The operator adds the host to AIRLOCK_CONNECT";

/** Compared byte for byte with `host:443` of the listed hosts. What comes after only finds the words. */
export function decideAuthority(target: string, hosts: readonly string[]): AuthorityDecision {
  const listed = hosts.find((host) => target === `${host}:443`);
  if (listed !== undefined) return { host: listed };
  const shown = JSON.stringify(target.slice(0, 200));
  if (hosts.length === 0)
    return {
      rule: "connect.off",
      status: 403,
      why: "no tunnels from this run",
      grant: "The operator lists hosts in AIRLOCK_CONNECT",
    };
  const colon = target.lastIndexOf(":");
  const [name, port] = [target.slice(0, Math.max(colon, 0)), target.slice(colon + 1)];
  if (name === "" || port === "" || /[^\x21-\x7e]|[/@?#]/.test(target))
    return { rule: "connect.authority", status: 400, why: `${shown} is not a host and its port` };
  if (/^\[|:|(?:^|\.)(?:\d+|0[xX][\da-fA-F]*)\.?$/.test(name))
    return { rule: "connect.address", status: 403, why: `${shown} is an address, and tunnels go to names`, grant: listing };
  const known = hosts.find((host) => name.toLowerCase().replace(/\.+$/, "") === host);
  if (known === undefined)
    return {
      rule: "connect.not-listed",
      status: 403,
      why: `${shown} is not among the hosts that runs may reach`,
      grant: listing,
    };
  if (known !== name)
    return {
      rule: "connect.spelling",
      status: 403,
      why: `${shown} is spelt otherwise than it is listed`,
      grant: `Ask for ${known}:443`,
    };
  return { rule: "connect.port", status: 403, why: `${shown} is another port than 443`, grant: `Ask for ${known}:443` };
}
