import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectedChecks } from "../../src/sandbox/expected-checks.ts";
import { decideVerified, verifySandbox } from "../../src/sandbox/verify.ts";
import { controlFell } from "../helpers/control.ts";
import { openSandbox, openTestEngine, type TestEngine } from "../helpers/sandbox-fixture.ts";
import { sealedUid } from "../helpers/uids.ts";

let engine: TestEngine;
const made: string[] = [];
beforeAll(async () => {
  engine = await openTestEngine();
}, 400_000);
afterAll(async () => {
  for (const tag of made) await engine.engine.docker.getImage(tag).remove();
});

/** An image of ours that somebody tampered with, as the engine would take it. */
async function tamper(lines: string): Promise<string> {
  const tag = `airlock-test-rules:${process.pid}-${made.length}`;
  const run = {
    input: `FROM ${engine.imageId}\n${lines}\n`,
    env: { PATH: "/usr/bin:/bin", DOCKER_BUILDKIT: "0" },
    extendEnv: false,
  };
  await execa("docker", ["build", "--quiet", "--network=none", "--tag", tag, "-"], run);
  made.push(tag);
  return (await engine.engine.docker.getImage(tag).inspect()).Id;
}

/** Names of the checks that failed, where the agent itself was tried. */
async function failedOf(imageId: string): Promise<string[]> {
  await using box = await openSandbox({ ...engine, imageId }, { tryAgent: true });
  const { handle, spec, probeLine } = box;
  const found = decideVerified(await verifySandbox({ engine: engine.engine, handle, spec, probeLine }), expectedChecks);
  return found.verified ? [] : found.failed.map(({ name }) => name).sort();
}

const settings = "/etc/claude-code/managed-settings.json";

describe("the rules of the agent, tried with the agent in a fresh sandbox", { timeout: 120_000 }, () => {
  it("[14] bind, and what a repository brings is not obeyed", async () => {
    expect(await failedOf(engine.imageId)).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    [
      "whose rules were taken out",
      `RUN jq '.permissions.deny = []' ${settings} > /tmp/s && cat /tmp/s > ${settings} && rm /tmp/s`,
      ["agent.deny-rules", "managed-settings"],
    ],
    [
      "that reads the repository's settings, hooks and servers",
      `RUN sed -i 's/--setting-sources user --strict-mcp-config//' /opt/airlock/entrypoint && echo '{}' > ${settings}`,
      ["agent.deny-rules", "agent.repository-settings", "managed-settings"],
    ],
  ])("[14] are seen not to hold in an image %s", async (_, lines, names) => {
    const failed = await failedOf(await tamper(lines));
    controlFell(failed.includes("agent.deny-rules"), "what the rules forbid, in an image without them");
    expect(failed).toEqual(expect.arrayContaining(names));
  });

  it("[14] are refused where others could change them, or lie beside them", async () => {
    const image = await tamper(`RUN chown ${sealedUid} ${settings} && mkdir ${settings.replace(".json", ".d")}`);
    expect(await failedOf(image)).toEqual(["managed-settings.alone"]);
  });
});
