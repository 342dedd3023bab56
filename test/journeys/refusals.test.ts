import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandFrame, completeSettings, faultOf, openCommandFrame } from "../helpers/command.ts";

let frame: CommandFrame;
beforeAll(async () => {
  frame = await openCommandFrame();
});
afterAll(() => frame?.[Symbol.asyncDispose]());

describe.concurrent("a command that cannot do its work", () => {
  it.each(["PRIVATE_KEY", "WEBHOOK_SECRET", "AIRLOCK_ACCOUNTS", "ANTHROPIC_API_KEY"])(
    "names the setting %s that is missing",
    async (name) => {
      const { [name]: _, ...settings } = completeSettings(join(frame.folder, "none"));
      const { code, out, err } = await frame.run(["start"], settings);
      expect({ code, out }).toEqual({ code: 78, out: "" });
      expect(err.split("\n")[0]).toContain(`${name}`);
      expect(err).not.toContain("    at ");
      for (const secret of Object.values(settings)) if (secret.length > 60) expect(err).not.toContain(secret.slice(40, 60));
    },
  );

  it("says that the engine is away, and how it is started", async () => {
    const settings = { ...completeSettings(join(frame.folder, "none")), DOCKER_HOST: "unix:///nowhere/docker.sock" };
    const { code, err } = await frame.run(["start", "--json"], settings);
    expect(code).toBe(69);
    expect(faultOf(err)).toMatchObject({ code: expect.stringMatching(/^engine\./), message: expect.stringContaining("engine") });
  });

  it.each([
    [["demo", "--nonsense"]],
    [["nonsense"]],
    [["runs", "show"]],
    [["runs", "show", "NO-ID"]],
    [["dev", "--scenario", "/nowhere.json"]],
  ])("is a mistake in its use: %j", async (args) => {
    const { code, out, err } = await frame.run(args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).not.toBe("");
    expect(err).not.toContain("    at ");
  });
});
