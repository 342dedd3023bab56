import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecks } from "../../src/sandbox/expected-checks.ts";
import { examineOwnImage } from "../../src/sandbox/own-image.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { completeSettings, faultOf, openCommandFrame } from "../helpers/command.ts";
import { openHouse } from "../helpers/house.ts";
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

describe("an image of the operator's own", { timeout: 240_000 }, () => {
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

  it("is refused with changed files, accounts or configuration, each named", async () => {
    const tag = await build(`RUN echo '{}' > /etc/claude-code/managed-settings.json && echo > /opt/airlock/probe.mjs \\
 && ln -s /tmp/git /usr/local/bin/git && chmod 777 /etc && echo toor:x:0:0::/:/bin/bash >> /etc/passwd \\
 && echo twin:x:700003:1::/:/bin/bash >> /etc/passwd && echo /tmp/x.so > /etc/ld.so.preload
ENV NODE_OPTIONS=--require=/tmp/x
VOLUME /etc/claude-code
ENTRYPOINT ["/bin/sh"]
HEALTHCHECK CMD true
LABEL airlock.instance=other`);
    const failed = (await failedOf(tag)).join("; ");
    for (const path of ["/etc/claude-code", "/opt/airlock", "/usr/local/bin", "/etc/ld.so.preload"])
      expect(failed).toContain(`${path} differs`);
    expect(failed).toContain("/etc has another owner or mode");
    for (const account of ["toor", "twin"]) expect(failed).toContain(`/etc/passwd: ${account}`);
    for (const said of ["ENV NODE_OPTIONS", "VOLUME /etc/claude-code", "ENTRYPOINT", "HEALTHCHECK", "LABEL airlock.instance"])
      expect(failed).toContain(said);
  });

  it("is refused by the verification with a program that raises rights", async () => {
    const tag = await build("RUN cp /bin/true /opt/raise && chmod 4755 /opt/raise");
    const { Id: id } = await engine.engine.docker.getImage(tag).inspect();
    await using box = await openSandbox({ ...engine, imageId: id });
    const seen = await verifySandbox({ engine: engine.engine, handle: box.handle, spec: box.spec, probeLine: box.probeLine });
    expect(seen.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(["setuid-programs"]);
  });

  it("is refused where it is not built from this version's image, and where there is none of that name", async () => {
    expect((await failedOf("debian:bookworm-slim"))[0]).toContain("FROM airlock-sandbox:base");
    await expect(failedOf("airlock-test-own:none")).rejects.toMatchObject({ code: "engine.own-image" });
  });

  it("that is refused keeps the App from starting, and a run from beginning, with the check that failed", async () => {
    const tag = await build("RUN echo > /opt/airlock/probe.mjs");
    await using frame = await openCommandFrame();
    const settings = { ...completeSettings(join(frame.folder, "none")), AIRLOCK_IMAGE: tag };
    const { code, out, err } = await frame.run(["start", "--json"], settings);
    expect([code, out]).toEqual([69, ""]);
    expect(faultOf(err)).toMatchObject({
      code: "engine.own-image",
      message: expect.stringMatching(/is no sandbox: image\.files \(.*\/opt\/airlock differs/),
      remedy: expect.stringContaining("sandbox verify"),
    });

    // An image that was changed under a running App: `dev` and `demo` go on, and each run is asked about it.
    const own = await examineOwnImage(engine.engine, { reference: tag, ours: engine.imageId });
    const house = await openHouse({ change: (machine) => ({ ...machine, image: { ...machine.image, ...own, tag } }) });
    try {
      const issue = await house.openIssue({ shell: "echo never" });
      await house.setLabel(issue);
      const run = await house.ended(issue);
      expect(run.state).toMatchObject({ outcome: "failed", reason: expect.stringContaining("image.files") });
      expect(await house.transcriptOf(run.id)).not.toContain("never");
      expect((await house.answersOn(issue))[0]?.body).toContain("image.files");
    } finally {
      await house.close();
    }
  });
});
