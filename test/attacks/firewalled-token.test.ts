import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openHouse, type TestHouse } from "../helpers/house.ts";

const docs = readFileSync(path.join(import.meta.dirname, "../../docs/firewalled.md"), "utf8");

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ mode: "firewalled" });
}, 400_000);
afterAll(() => house?.close());

const site = "http://github.airlock.test:443";

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
        `try other-repository git push -q ${site}/acme/vault.git HEAD:refs/heads/by-hand`,
        `try api-issues curl -fsS -X POST -H "authorization: token $(cat /github/token)" -d '{"body":"x"}' ${site}/api/v3/repos/acme/shop/issues/1/comments`,
        `try api-vault curl -fsS -H "authorization: token $(cat /github/token)" ${site}/api/v3/repos/acme/vault/contents/secret.txt`,
        `try other-account git push -q http://x:${outsider}@github.airlock.test:443/acme/vault.git HEAD:refs/heads/carried-out`,
        "try token-by-environment sh -c 'cat /proc/*/environ | grep -aq ghs_'",
        "try token-of-others sh -c 'ls /github | grep -vx -e host -e token'",
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
    expect(open.sort()).toEqual(["clone", "other-account", "other-branch", "tag"]);
    for (const name of open) expect(docs).toContain(`\`${name}\``);
    expect(
      Object.entries(result)
        .flatMap(([name, got]) => (got === "no" ? [name] : []))
        .sort(),
    ).toEqual([...["api-issues", "api-vault", "other-repository", "token-by-environment", "token-of-others"]]);
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
  });
});
