import type { EvidenceRow } from "../run/evidence.ts";

/** What a firewalled run was refused outside of its gateway, by rule: nobody was there to be told, so the reader is told how to grant it. */
const grants: Readonly<Record<string, string>> = {
  "firewall.address":
    "a firewalled sandbox reaches TCP port 443 of GitHub's api, git and web addresses only. No setting adds a host: packages come through the gateway's registries",
  "firewall.other": "as firewall.address: ICMP, other protocols, and dials beyond the first 4,096 kinds",
  "firewall.ipv6": "there is no IPv6 in a firewalled sandbox. No setting opens it",
  "firewall.unread": "what the firewall refused could not be read; it refused it all the same",
  "firewall.tampered":
    "something on the host changed or removed the sandbox's firewall. Without its rules a sandbox has no way out at all; see what flushes nftables there",
  "resolver.name": "the resolver knows GitHub's two names and asks nobody. No setting adds a name",
};

/** "Rule: how it is granted", for each such rule among the rows. */
export function networkGrants(rows: readonly Pick<EvidenceRow, "rule">[]): string[] {
  const rules = new Set(rows.map(({ rule }) => rule));
  return Object.entries(grants).flatMap(([rule, words]) => (rules.has(rule) ? [`${rule}: ${words}.`] : []));
}
