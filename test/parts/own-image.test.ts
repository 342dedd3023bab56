import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecks } from "../../src/sandbox/expected-checks.ts";
import { examineOwnImage } from "../../src/sandbox/own-image.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";

let engine: TestEngine;
const made: string[] = [];
beforeAll(async () => {
  engine = await openTestEngine();
}, 400_000);
afterAll(async () => {
  for (const tag of made) await engine.engine.docker.getImage(tag).remove();
});

/** Builds an image of `lines` on ours, or on `from`, as an operator does. */
async function build(lines: string, from = engine.imageId): Promise<string> {
  const tag = `airlock-test-own:${process.pid}-${made.length}`;
  const { PATH = "" } = process.env;
  const run = { input: `FROM ${from}\n${lines}\n`, env: { PATH, DOCKER_BUILDKIT: "0" }, extendEnv: false };
  await execa("docker", ["build", "--quiet", "--network=none", "--tag", tag, "-"], run);
  made.push(tag);
  return tag;
}

async function failedOf(reference: string): Promise<string[]> {
  const { checks } = await examineOwnImage(engine.engine, { reference, ours: engine.imageId });
  return checks.filter(({ ok }) => !ok).map(({ name, seen }) => `${name}: ${seen}`);
}

describe("an image of the operator's own", { timeout: 120_000 }, () => {
  it("may add programs, folders and accounts, and passes the whole verification", async () => {
    const tag = await build(
      "RUN mkdir /opt/tool && echo tool:x:998:998::/:/bin/false >> /etc/passwd && ln -s /bin/true /usr/bin/tool",
    );
    const found = await examineOwnImage(engine.engine, { reference: tag, ours: engine.imageId });
    expect(found.checks.filter(({ ok }) => !ok)).toEqual([]);
    await using box = await openSandbox({ ...engine, imageId: found.id });
    const seen = await verifySandbox({ engine: engine.engine, handle: box.handle, spec: box.spec, probeLine: box.probeLine });
    expect(decideVerified(seen, expectedChecks)).toMatchObject({ verified: true });
  });

  it.each([
    ["other managed settings", "RUN echo '{}' > /etc/claude-code/managed-settings.json", "image.files: /etc/claude-code differs"],
    ["a library loaded into everything", "RUN echo /tmp/x.so > /etc/ld.so.preload", "image.files: /etc/ld.so.preload differs"],
    ["a git found before ours", "RUN ln -s /tmp/git /usr/local/bin/git", "image.files: /usr/local/bin differs"],
    ["a probe that says yes", "RUN echo > /opt/airlock/probe.mjs", "image.files: /opt/airlock differs"],
    ["an agent that is writable", "RUN chmod 777 /usr/local/bin", "image.files: /usr/local/bin differs"],
    ["an /etc that everybody may write", "RUN chmod 777 /etc", "image.files: /etc has another owner or mode"],
    ["a second root", "RUN echo toor:x:0:0::/:/bin/bash >> /etc/passwd", "image.accounts: /etc/passwd: toor"],
    ["an account with a run's uid", "RUN echo twin:x:700003:1::/:/bin/bash >> /etc/passwd", "image.accounts: /etc/passwd: twin"],
    ["an environment that redirects", "ENV NODE_OPTIONS=--require=/tmp/x", "image.configuration: ENV NODE_OPTIONS"],
    ["a volume", "VOLUME /etc/claude-code", "image.configuration: VOLUME /etc/claude-code"],
    ["another entrypoint", 'ENTRYPOINT ["/bin/sh"]', "image.configuration: ENTRYPOINT"],
    ["a health check", "HEALTHCHECK CMD true", "image.configuration: HEALTHCHECK"],
    ["a label of ours", "LABEL airlock.instance=other", "image.configuration: LABEL airlock.instance"],
  ])("is refused with %s", async (_, lines, wanted) => {
    expect((await failedOf(await build(lines))).join("; ")).toContain(wanted);
  });

  it("is refused by the verification with a program that raises rights", async () => {
    const tag = await build("RUN cp /bin/true /opt/raise && chmod 4755 /opt/raise");
    const { id } = await examineOwnImage(engine.engine, { reference: tag, ours: engine.imageId });
    await using box = await openSandbox({ ...engine, imageId: id });
    const seen = await verifySandbox({ engine: engine.engine, handle: box.handle, spec: box.spec, probeLine: box.probeLine });
    expect(seen.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["setuid-programs"]);
  });

  it("is refused where it is not built from this version's image, and where there is none of that name", async () => {
    expect((await failedOf("debian:bookworm-slim"))[0]).toContain("FROM airlock-sandbox:base");
    await expect(failedOf("airlock-test-own:none")).rejects.toMatchObject({ code: "engine.own-image" });
  });
});
