/** ◆ Which addresses a tunnel may be dialled at: those of the public internet, and no other. */
import { BlockList, isIP } from "node:net";

/** IPv4 that is not the public internet (IANA's special-purpose registry), and where clouds keep what only their own machines may ask. */
const specialIpv4 = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
  // Protocol assignments, documentation, AS112, AMT, 6to4 relays, benchmarks.
  ...["192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"],
  ...["198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  // Multicast, reserved, broadcast.
  ...["224.0.0.0/4", "240.0.0.0/4"],
  // Azure's host, at an address that looks public.
  "168.63.129.16/32",
];

/** Within 2000::/3, which is all that is public of IPv6: IPv4-mapped, NAT64, link-local, unique local, multicast and the rest are outside. */
const specialIpv6 = [
  // Protocol assignments (Teredo, ORCHID, benchmarks), documentation, 6to4, AS112, the old 6bone.
  ...["2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16", "2620:4f:8000::/48", "3ffe::/16"],
];

const ipv4 = blockList("ipv4", specialIpv4);
const ipv6 = blockList("ipv6", specialIpv6);
const publicIpv6 = blockList("ipv6", ["2000::/3"]);

/** Whether an address is global unicast: anything that cannot be read as an address in full is not. */
export function isPublic(address: string): boolean {
  // A zone ("%eth0") belongs to an address of one link.
  if (address.includes("%")) return false;
  const family = isIP(address);
  if (family === 4) return !ipv4.check(address, "ipv4");
  return family === 6 && publicIpv6.check(address, "ipv6") && !ipv6.check(address, "ipv6");
}

/** All answers for a name must be public, and none this machine's own: a name with one private answer is not asked for its others. */
export function areDialable(answers: readonly string[], own: readonly string[]): boolean {
  const ours = new BlockList();
  for (const address of own) {
    const family = isIP(address);
    if (family) ours.addAddress(address, family === 4 ? "ipv4" : "ipv6");
  }
  return answers.length > 0 && answers.every((each) => isPublic(each) && !ours.check(each, isIP(each) === 4 ? "ipv4" : "ipv6"));
}

function blockList(family: "ipv4" | "ipv6", ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = "", prefix] = range.split("/");
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}
