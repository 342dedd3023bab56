#!/bin/bash
# Puts the network namespace that it runs in behind a firewall: nothing passes but GitHub's api, git and web ranges and the named hosts.
# For a dev container (as root, with NET_ADMIN), and for whoever wants the same elsewhere. Airlock's own sandboxes get the same rules
# from outside, by src/sandbox/firewall.ts: inside them nobody may change any.
#
#   init-firewall.sh [--meta FILE|URL] [--host NAME[=ADDRESS,…]]… [--range CIDR]… [--port N]… [--verify URL] [--deny URL]
#                    [--no-resolver] [--refresh] [--print]
#
# --meta     GitHub's `GET /meta`; default https://api.github.com/meta. Of it only the keys api, git and web are used, less pages.
# --host     a name that the resolver answers; default github.com, api.github.com, api.anthropic.com. One that is dead is left out.
# --range    further addresses; default Anthropic's published ones, unless --host or --range is given.
# --verify   must answer afterwards, whatever it answers; --deny must not. Defaults: https://api.github.com/zen, https://example.com
# --refresh  only the addresses, in one transaction; what cannot be asked for anew stays. For a timer.
# --print    prints the rules and changes nothing.
# While it reads, nobody but root gets out. Exits 0 with the firewall verified. Otherwise not 0, and everything but loopback is shut; a refresh that fails leaves what stands.
# Of what GitHub answers, a range that is too wide, private or unreadable is left out and said; where none is left, or together they are more
# than GitHub has, that is a failure: whoever answers in its name must not open the rest of the world.
set -u -o pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
state=${AIRLOCK_FIREWALL_STATE:-/run/airlock-firewall}
meta=https://api.github.com/meta verify=https://api.github.com/zen deny=https://example.com
hosts=() ranges=() ports=() resolver=1 refresh= print=
say() { echo "init-firewall: $*" >&2; }

# Whatever goes wrong from here on: nothing passes. Shutting it needs nothing that was read.
shut() {
  say "$* — everything is shut"
  [ -n "$print" ] || nft -f - <<'RULES' || say "and even that failed: do not use this container"
table inet airlock {}
delete table inet airlock
table inet airlock {
  chain input { type filter hook input priority filter; policy drop; iifname "lo" accept; }
  chain output { type filter hook output priority filter; policy drop; ip daddr 127.0.0.11 drop; oifname "lo" ip daddr 127.0.0.0/8 accept; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
RULES
  exit 1
}

# A refresh that cannot be trusted changes nothing.
lost() {
  [ -n "$refresh" ] || shut "$*"
  say "$*: the old addresses stay"
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --no-resolver) resolver= && shift && continue ;;
    --refresh) refresh=1 && shift && continue ;;
    --print) print=1 && shift && continue ;;
  esac
  [ $# -ge 2 ] || { say "$1 needs a value" && exit 2; }
  case $1 in
    --meta) meta=$2 ;;
    --host) hosts+=("$2") ;;
    --range) ranges+=("$2") ;;
    --port) ports+=("$2") ;;
    --verify) verify=$2 ;;
    --deny) deny=$2 ;;
    *) say "unknown option $1" && exit 2 ;;
  esac
  shift 2
done
if [ ${#hosts[@]} -eq 0 ] && [ ${#ranges[@]} -eq 0 ]; then ranges=(160.79.104.0/23); fi
[ ${#hosts[@]} -gt 0 ] || hosts=(github.com api.github.com api.anthropic.com)
[ ${#ports[@]} -gt 0 ] || ports=(443)
for port in "${ports[@]}"; do [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || { say "$port is no port" && exit 2; }; done
for range in ${ranges[@]+"${ranges[@]}"}; do
  [[ $range =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?$ ]] || { say "$range is no IPv4 range" && exit 2; }
done
for tool in nft jq curl; do command -v "$tool" >/dev/null || { say "$tool is missing" && exit 1; }; done

# Whoever else is in here already waits: what is asked for may take its time.
if [ -z "$refresh$print" ]; then
  nft -f - <<'RULES' || shut "the network cannot be held while GitHub's ranges are read"
table inet airlock {}
delete table inet airlock
table inet airlock {
  chain input { type filter hook input priority filter; policy drop; iifname "lo" accept; ct state established accept; }
  chain output { type filter hook output priority filter; policy drop; meta skuid 0 accept; ip daddr 127.0.0.11 drop; oifname "lo" ip daddr 127.0.0.0/8 accept; }
  chain forward { type filter hook forward priority filter; policy drop; }
}
RULES
fi

# A host that answers slowly must not hold the container's start for ever.
case $meta in
  http://* | https://*) meta_text=$(curl -fsS --max-time 20 --max-filesize 5000000 "$meta") || meta_text= ;;
  *) meta_text=$(cat -- "$meta") || meta_text= ;;
esac
jq -es 'length == 1 and (.[0] | type == "object")' >/dev/null 2>&1 <<<"$meta_text" || lost "GitHub's ranges cannot be read from $meta"

# Names with their addresses, as one object. A dead one has none: it is left out and said.
names='{}'
if [ -n "$refresh" ] && [ -r "$state/names.json" ]; then names=$(cat "$state/names.json"); fi
for host in "${hosts[@]}"; do
  name=${host%%=*} found=
  [[ $name =~ ^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$ ]] || shut "$name is no host name"
  if [[ $host == *=* ]]; then found=${host#*=}; else found=$(timeout 10 getent ahostsv4 "$name" | awk '{print $1}' | sort -u | tr '\n' ','); fi
  [ -n "$found" ] || { say "$name resolves to nothing: left as it was" && continue; }
  names=$(jq -c --arg name "${name,,}" --arg found "$found" '.[$name] = ($found | split(",") | map(select(. != "")) | unique)' <<<"$names") || shut "$name"
done

# The same arithmetic as src/sandbox/ranges.ts and firewall.ts; test/unit/sandbox/init-firewall.test.ts holds them together.
# What GitHub says comes by stdin: it is longer than an argument may be.
plan=$(jq -c --argjson names "$names" --args '
  . as $meta |
  def octets: split(".") | map(tonumber);
  def number: octets | reduce .[] as $part (0; . * 256 + $part);
  def power($n): reduce range($n) as $_ (1; . * 2);
  def parse:
    if type == "string" and test("^(0|[1-9][0-9]{0,2})(\\.(0|[1-9][0-9]{0,2})){3}(/(0|[1-9][0-9]?))?$") then
      (split("/")) as $parts | ($parts[1] // "32" | tonumber) as $bits
      | if $bits > 32 or ($parts[0] | octets | any(. > 255)) then empty
        else power(32 - $bits) as $size | ($parts[0] | number) as $n | ($n - $n % $size) as $first | [$first, $first + $size - 1] end
    else empty end;
  def touches($others): . as [$first, $last] | any($others[]; $first <= .[1] and .[0] <= $last);
  ([("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16") | parse]) as $own
  | def usable: parse | select(.[1] - .[0] < 65536) | select(touches($own) | not);
  def six: type == "string" and contains(":");
  def join: sort | reduce .[] as $next ([]; if length > 0 and $next[0] <= .[-1][1] + 1
    then .[-1] = [.[-1][0], ([.[-1][1], $next[1]] | max)] else . + [$next] end);
  def without($holes): reduce $holes[] as $hole (.; [.[] | . as [$first, $last]
    | [$first, ([$last, $hole[0] - 1] | min)], [([$first, $hole[1] + 1] | max), $last] | select(.[0] <= .[1])]);
  def text: [16777216, 65536, 256, 1] as $units | . as $n | [$units[] | ($n / . | floor) % 256 | tostring] | join(".");
  def list($key): ($meta[$key] | if type == "array" then .[] else empty end);
  ([list("api", "git", "web") | usable] | join) as $github
  | ([list("pages") | usable] | join) as $pages
  | ([list("api", "git", "web") | select(six | not) | select([usable] == [])] | length) as $left
  | ($github | without($pages)) as $meant
  | ($names | map_values(map(select([usable] | length > 0) | select(contains("/") | not))) | with_entries(select(.value | length > 0))) as $kept
  | { names: $kept, left: $left, addresses: ([$meant[] | .[1] - .[0] + 1] | add // 0), elements: [$meant + [$kept[][] | usable] + [$ARGS.positional[] | usable] | join | .[]
      | if .[0] == .[1] then .[0] | text else "\(.[0] | text)-\(.[1] | text)" end] | join(", ") }
' -- ${ranges[@]+"${ranges[@]}"} <<<"$meta_text") || lost "the addresses cannot be joined"
read -r left addresses < <(jq -r '"\(.left) \(.addresses)"' <<<"$plan")
[ "$left" = 0 ] || say "$left of GitHub's ranges are left out: unreadable, private, or wider than a /16"
[ "$addresses" -gt 0 ] || lost "none of GitHub's api, git and web ranges can be used"
# All that it has is under 20,000 addresses.
[ "$addresses" -le 262144 ] || lost "GitHub's ranges are said to be $addresses addresses, more than it has"
elements=$(jq -r .elements <<<"$plan")
[ -n "$elements" ] || lost "nothing is left that may be reached"
port_list=$(printf '%s\n' "${ports[@]}" | sort -nu | paste -sd, | sed 's/,/, /g')
rules=$(cat -- "$here/firewall.nft") || shut "firewall.nft is missing"
rules=${rules//@ELEMENTS@/"elements = { $elements }"}
rules=${rules//@PORTS@/"$port_list"}

if [ -n "$print" ]; then
  printf '%s\n' "$rules"
  exit 0
fi
mkdir -p "$state" && jq .names <<<"$plan" >"$state/names.json.new" && mv "$state/names.json.new" "$state/names.json" || shut "$state cannot be written"
if [ -n "$refresh" ]; then
  printf 'flush set inet airlock allowed\nadd element inet airlock allowed { %s }\n' "$elements" | nft -f - || { say "the old addresses stay" && exit 1; }
  exit 0
fi
nft -f - <<<"$rules" || shut "the rules cannot be loaded"
for each in all default; do
  file=/proc/sys/net/ipv6/conf/$each/disable_ipv6
  # Where it cannot be written it must be off already, or be dropped by the rules, which it is.
  if [ -e "$file" ] && [ "$(cat "$file")" != 1 ]; then echo 1 2>/dev/null >"$file" || say "IPv6 stays on; the rules drop it"; fi
done

if [ -n "$resolver" ]; then
  if [ -r "$state/resolver.pid" ]; then kill "$(cat "$state/resolver.pid")" 2>/dev/null; fi
  setsid node "$here/resolver.mjs" "$state/names.json" 127.0.0.53 >"$state/resolver.log" 2>&1 </dev/null &
  echo $! >"$state/resolver.pid"
  for _ in $(seq 100); do grep -q '"resolver"' "$state/resolver.log" 2>/dev/null && break; sleep 0.05; done
  grep -q '"resolver"' "$state/resolver.log" || shut "the resolver does not start"
  # In place: the engine mounts this file, it cannot be replaced.
  printf 'nameserver 127.0.0.53\noptions timeout:2 attempts:1\n' >/etc/resolv.conf || shut "/etc/resolv.conf cannot be written"
fi

nft -j list table inet airlock | jq -e '[.nftables[].chain // empty | select(.policy == "drop") | .hook] | sort == ["forward", "input", "output"]' \
  >/dev/null || shut "the rules are not what was loaded"
curl -sS -o /dev/null --max-time 20 "$verify" || shut "$verify does not answer"
if curl -sS -o /dev/null --max-time 5 "$deny" 2>/dev/null; then shut "$deny answers, and must not"; fi
say "verified: $verify answers, $deny does not; $(jq -r '.names | keys | join(" ")' <<<"$plan") resolve"
