import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, describe, expect, it } from "vitest";
import { controlFell } from "../helpers/control.ts";

const script = join(import.meta.dirname, "../../sandbox/init-firewall.sh");
const folder = mkdtempSync(join(tmpdir(), "airlock-init-firewall-"));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, meta: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof meta === "string" ? meta : JSON.stringify(meta));
  return path;
};
const good = write("good.json", { api: ["198.51.100.0/25"], git: ["198.51.100.128/25"], web: ["198.51.100.0/24"] });

/** In a network namespace of its own that has loopback and nothing else. The host that answers is on it; a stranger's address too. */
async function inNamespace(commands: string): Promise<string[]> {
  const inside = `
    ip link set lo up && ip addr add 203.0.113.9/32 dev lo
    rm -f "$1/up" "$1/up2"
    node -e 'require("http").createServer((q, s) => s.end("hello")).listen(8080, "127.0.0.1", () => console.log("up"))' >"$1/up" & server=$!
    node -e 'require("http").createServer((q, s) => s.end("hello")).listen(80, "203.0.113.9", () => console.log("up"))' >"$1/up2" & other=$!
    for _ in $(seq 200); do [ -s "$1/up" ] && [ -s "$1/up2" ] && break; sleep 0.05; done
    set_up() { AIRLOCK_FIREWALL_STATE=$1/state "$2" --no-resolver --host github.test=198.51.100.10 --verify http://127.0.0.1:8080/ --deny http://203.0.113.9/ "\${@:3}" 2>>"$1/said"; echo "exit $?"; }
    allowed() { nft list set inet airlock allowed 2>/dev/null | tr -d '\\n\\t' | grep -o 'elements = {[^}]*}' || echo 'nothing allowed'; }
    drops() { nft list table inet airlock | grep -c 'policy drop'; }
    reach() { curl -sS -m 2 -o /dev/null -w '%{http_code}\\n' "$1" 2>/dev/null || true; }
    ${commands}
    kill $server $other`;
  const { stdout } = await execa("unshare", ["--net", "--", "bash", "-c", inside, "bash", folder, script], {
    env: { PATH: process.env.PATH ?? "" },
    extendEnv: false,
    timeout: 100_000,
  });
  return stdout.split("\n");
}
const ours = '"$1" "$2"';

describe("init-firewall.sh in a namespace of a firewalled kind", () => {
  it("[56] shuts a stranger out that answered before, and keeps what stands where a refresh gets a hostile answer", async () => {
    const hostile = [
      write("cut.json", '{"api":["0.0.0.0/0"'),
      write("wide.json", { api: ["0.0.0.0/0", "128.0.0.0/1"] }),
      write("private.json", { api: ["10.0.0.0/8"], web: ["169.254.169.254", "127.0.0.1"] }),
      write("pieces.json", { web: Array.from({ length: 300 }, (_, index) => `11.${index % 256}.0.0/16`) }),
      write("shell.json", { api: [`$(touch ${folder}/ran)`, `; touch ${folder}/ran;`, "} drop"] }),
    ];
    const said = await inNamespace(`
      reach http://203.0.113.9/
      set_up ${ours} --meta ${good}
      allowed; drops; reach http://203.0.113.9/
      for meta in ${hostile.join(" ")}; do set_up ${ours} --meta $meta --refresh; allowed; done
      set_up ${ours} --meta ${write("next.json", { api: ["198.51.100.0/24", "192.0.2.64/26", "203.0.113.9/33"], git: [], web: ["2001:db8::/32"] })} --refresh
      allowed; drops; test -e ${folder}/ran && echo ran`);
    controlFell(said[0] === "200", "the stranger, before the rules stand");
    const stands = "elements = { 198.51.100.0-198.51.100.255 }";
    expect(said.map((line) => line.replaceAll("198.51.100.0/24", "198.51.100.0-198.51.100.255").replace(/\s+/g, " "))).toEqual([
      ...["200", "exit 0", stands, "3", "000"],
      ...hostile.flatMap(() => ["exit 1", stands]),
      ...["exit 0", "elements = { 192.0.2.64/26, 198.51.100.0-198.51.100.255 }", "3"],
    ]);
  });

  it.each([
    ["no usable range is left", { api: ["0.0.0.0/0"], git: ["10.0.0.0/8"], web: [] }, "none of GitHub's api, git and web ranges"],
    ["the lists are empty", { api: [], git: [], web: [] }, "none of GitHub's api, git and web ranges"],
    ["GitHub's answer is no list at all", "<html>", "cannot be read"],
    ["it would be half of the world", { web: Array.from({ length: 300 }, (_, n) => `11.${n % 256}.0.0/16`) }, "more than it has"],
  ])("[56] shuts everything with a sentence where %s", async (_, meta, sentence) => {
    rmSync(join(folder, "said"), { force: true });
    const said = await inNamespace(
      `reach http://203.0.113.9/; set_up ${ours} --meta ${write("bad.json", meta)}; allowed; drops; reach http://203.0.113.9/; cat "$1/said"`,
    );
    controlFell(said.shift() === "200", "the stranger, before the rules stand");
    expect(said.slice(0, 4)).toEqual(["exit 1", "nothing allowed", "3", "000"]);
    expect(said.slice(4).join("\n")).toContain(sentence);
    expect(said.at(-1)).toContain("everything is shut");
  });

  it("[56] lets nobody out but root while it still reads what is allowed", async () => {
    const said = await inNamespace(`
      as_other() { setpriv --reuid=65534 --clear-groups curl -sS -m 2 -o /dev/null -w '%{http_code}\n' http://203.0.113.9/ 2>/dev/null || true; }
      as_other
      rm -f "$1/up3" "$1/asked" "$1/go"
      node -e 'const f = require("fs"); require("http").createServer((q, s) => { f.writeFileSync(process.argv[1] + "/asked", ""); f.watchFile(process.argv[1] + "/go", { interval: 50 }, () => s.end(f.readFileSync(process.argv[2]))); }).listen(8081, "127.0.0.1", () => console.log("up"))' "$1" ${good} >"$1/up3" & slow=$!
      for _ in $(seq 200); do [ -s "$1/up3" ] && break; sleep 0.05; done
      set_up ${ours} --meta http://127.0.0.1:8081/ >"$1/code" & setting=$!
      for _ in $(seq 200); do [ -e "$1/asked" ] && break; sleep 0.05; done
      as_other
      touch "$1/go"; wait $setting; cat "$1/code"; as_other; reach http://203.0.113.9/
      kill $slow`);
    controlFell(said.shift() === "200", "somebody else than root, before it begins");
    // Root did: it has read them.
    expect(said).toEqual(["000", "exit 0", "000", "000"]);
  });

  it("[56] shuts everything where the host that must not answer does, or the one that must does not", async () => {
    const said = await inNamespace(`
      reach http://203.0.113.9/
      set_up ${ours} --meta ${good} --deny http://127.0.0.1:8080/; allowed; drops
      set_up ${ours} --meta ${good} --verify http://127.0.0.1:9/; allowed; drops
      set_up ${ours} --meta ${good} --verify http://203.0.113.9/; allowed; drops; reach http://203.0.113.9/`);
    controlFell(said.shift() === "200", "the stranger, before the rules stand");
    expect(said).toEqual([...Array(3).fill(["exit 1", "nothing allowed", "3"]).flat(), "000"]);
  });
});
