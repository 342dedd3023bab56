import { stat } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flushPacket, printPacket } from "../../src/git/pkt-line.ts";
import type { RunId, Sha } from "../../src/run/identity.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { addCommit } from "../helpers/git-upstream.ts";
import { ask } from "../helpers/raw-http.ts";

describe("the transport that holds the token", () => {
  let house: House;
  let main: Sha;
  let run: RunId;

  beforeAll(async () => {
    house = await openHouse();
    main = (await addCommit(house.upstream.git, { branch: "main", path: "a.txt", text: "one" })) as Sha;
    await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const base = await house.git.fetchBase({ repositoryId: 7, branch: "main", transportSocket: transport.socketPath });
    if (base.at !== "fetched") throw new Error(JSON.stringify(base));
    run = mintTestRun();
    await house.git.ensureRunRepository({ run, bases: [base.base], branches: [{ name: "main", sha: main }] });
  }, 60_000);
  afterAll(() => house[Symbol.asyncDispose]());

  async function makeCommit(text: string): Promise<Sha> {
    const input = Buffer.from(text);
    const blob = (await house.git.git({ run }, ["hash-object", "-w", "--stdin"], { input })).stdout.toString().trim();
    const tree = (await house.git.git({ run }, ["mktree"], { input: Buffer.from(`100644 blob ${blob}\tb.txt\n`) })).stdout
      .toString()
      .trim();
    const who = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@b" };
    return (await house.git.git({ run }, ["commit-tree", tree, "-p", main, "-m", text.slice(0, 20)], { env: who })).stdout
      .toString()
      .trim() as Sha;
  }

  const refs = () => house.upstream.git(["for-each-ref", "--format=%(refname) %(objectname)"]);
  const absent = "0".repeat(40);

  it("pushes the one inspected change, small or long, and reports what the far end said", async () => {
    const small = await makeCommit("small");
    const ref = "refs/heads/agent/issue-1";
    await using first = await house.openTransport({ of: "runs", allow: { kind: "push", old: null, new: small, ref } });
    const output = await house.git.push({ run, old: null, new: small, ref, transportSocket: first.socketPath });
    expect(output).toMatchObject({ exitCode: 0, stderr: "" });
    expect(first.report()).toMatchObject({ at: "ok" });
    // Longer than git's http.postBuffer, so that it asks with an empty command list first; and not forward of what is there.
    const long = await makeCommit(Array.from({ length: 200_000 }, () => Math.random()).join("\n"));
    await using second = await house.openTransport({ of: "runs", allow: { kind: "push", old: small, new: long, ref } });
    expect(await house.git.push({ run, old: small, new: long, ref, transportSocket: second.socketPath })).toMatchObject({
      exitCode: 0,
    });
    expect(second.report()).toMatchObject({ at: "ok" });
    expect(await refs()).toContain(`${ref} ${long}`);
  }, 60_000);

  it("[17][18] lets no other ref, no other commit, no second command and no other service through", async () => {
    const commit = await makeCommit("refused");
    const ref = "refs/heads/agent/issue-2";
    const before = await refs();
    const allow = { kind: "push" as const, old: null, new: commit, ref };
    for (const other of [
      { new: commit, ref: "refs/heads/main" },
      { new: commit, ref: "refs/heads/agent/issue-2x" },
      { new: main, ref },
    ]) {
      await using transport = await house.openTransport({ of: "runs", allow });
      const output = await house.git.push({ run, old: null, ...other, transportSocket: transport.socketPath });
      expect(output.exitCode, JSON.stringify(other)).not.toBe(0);
      expect(transport.report()).toBeUndefined();
      // The first one git gives up by itself: the branch is there already.
      expect(transport.refusals()).toEqual(other.ref === "refs/heads/main" ? [] : ["it is not the inspected change"]);
    }
    const capabilities = "\0report-status object-format=sha1";
    const command = printPacket(`${absent} ${commit} ${ref}${capabilities}`);
    const second = printPacket(`${absent} ${commit} refs/heads/stolen`);
    const bodies = [
      Buffer.concat([command, second, flushPacket, Buffer.from("PACK")]),
      Buffer.concat([printPacket(`${absent} ${commit} ${ref}\0report-status push-options`), flushPacket, Buffer.from("PACK")]),
      Buffer.concat([printPacket(`${main} ${absent} refs/heads/main${capabilities}`), flushPacket]),
      Buffer.concat([flushPacket, command, flushPacket, Buffer.from("PACK")]),
      Buffer.concat([printPacket(`shallow ${main}`), command, flushPacket, Buffer.from("PACK")]),
    ];
    await using transport = await house.openTransport({ of: "runs", allow });
    const seen = house.upstream.seen.length;
    const headers = { "content-type": "application/x-git-receive-pack-request" };
    for (const body of bodies) {
      const answer = await ask(transport.socketPath, {
        method: "POST",
        target: "/repository.git/git-receive-pack",
        headers,
        body,
      });
      expect(answer.status).toBe(403);
    }
    for (const target of [
      "/repository.git/info/refs?service=git-upload-pack",
      "/repository.git/HEAD",
      "/other.git/info/refs?service=git-receive-pack",
    ]) {
      expect((await ask(transport.socketPath, { method: "GET", target })).status).toBe(403);
    }
    expect(house.upstream.seen.length).toBe(seen);
    expect(await refs()).toBe(before);
    expect(transport.refusals()).toHaveLength(bodies.length + 3);
    // The control: what is allowed passes on the same transport.
    const output = await house.git.push({ run, old: null, new: commit, ref, transportSocket: transport.socketPath });
    expect(output.exitCode).toBe(0);
  }, 60_000);

  it("[18] does not move a ref that stands elsewhere than it was inspected", async () => {
    const commit = await makeCommit("late");
    const ref = "refs/heads/moved";
    await house.upstream.git(["update-ref", ref, main]);
    await using transport = await house.openTransport({ of: "runs", allow: { kind: "push", old: null, new: commit, ref } });
    const output = await house.git.push({ run, old: null, new: commit, ref, transportSocket: transport.socketPath });
    expect(output.exitCode).not.toBe(0);
    expect(await refs()).toContain(`${ref} ${main}`);
  }, 60_000);

  it("tells the far end's refusal as data", async () => {
    await house.upstream.git(["config", "receive.denyNonFastForwards", "true"]);
    const commit = await makeCommit("diverging");
    const ref = "refs/heads/kept";
    const ahead = (await addCommit(house.upstream.git, { branch: "kept", path: "c", text: "ahead", parent: main })) as Sha;
    await using transport = await house.openTransport({ of: "runs", allow: { kind: "push", old: ahead, new: commit, ref } });
    await house.git.push({ run, old: ahead, new: commit, ref, transportSocket: transport.socketPath });
    expect(transport.report()).toMatchObject({ at: "refused", reason: expect.stringContaining("non-fast-forward") });
    await house.upstream.git(["config", "--unset", "receive.denyNonFastForwards"]);
  }, 60_000);

  it("[62] gives away neither the token in an echo nor itself to a redirect, and nothing of the client's own headers passes", async () => {
    await using transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const target = "/repository.git/info/refs?service=git-upload-pack";
    const credential = Buffer.from(`x-access-token:${house.upstream.token}`).toString("base64");
    house.upstream.answerWith = { status: 403, body: `token ${house.upstream.token} as ${credential} is not enough` };
    const echoed = await ask(transport.socketPath, { method: "GET", target });
    expect(echoed.status).toBe(403);
    expect(echoed.raw).toContain("is not enough");
    expect(echoed.raw).not.toContain(house.upstream.token);
    expect(echoed.raw).not.toContain(credential);
    expect(transport.failure()?.status).toBe(403);
    expect(transport.failure()?.message).not.toContain(house.upstream.token);
    house.upstream.answerWith = { status: 302, headers: { location: "http://127.0.0.1:1/" }, body: "" };
    expect((await ask(transport.socketPath, { method: "GET", target })).status).toBe(502);
    house.upstream.answerWith = undefined;
    const own = await ask(transport.socketPath, {
      method: "GET",
      target,
      headers: { authorization: "Basic eDp5", cookie: "a=b" },
    });
    expect(own.status).toBe(200);
  }, 60_000);

  it("is reached by its account alone, and is gone when it is closed", async () => {
    const transport = await house.openTransport({ of: "bases", allow: { kind: "fetch" } });
    const seen = await stat(transport.socketPath);
    expect(seen.mode & 0o777).toBe(0o600);
    expect(seen.uid).toBe(house.accounts?.["airlock-base"].uid ?? process.getuid?.());
    await transport[Symbol.asyncDispose]();
    await expect(stat(transport.socketPath)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
