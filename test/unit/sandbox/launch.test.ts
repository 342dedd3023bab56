import { describe, expect, it } from "vitest";
import { endOfInput, parseEntrypointEvent, printLaunch } from "../../../src/sandbox/launch.ts";

const head = "0123456789012345678901234567890123456789";

describe("the words between host and entrypoint", () => {
  it("are one line each, whatever is in them", () => {
    const line = printLaunch({ mode: "command", argv: ["echo", "a\nb"], branch: "main", resume: false });
    expect(line.trimEnd()).not.toContain("\n");
    expect(JSON.parse(line)).toMatchObject({ airlock: "launch", argv: ["echo", "a\nb"] });
    // The pump compares bytes: another order of keys or a space would never end the agent's input.
    expect(endOfInput).toBe('{"airlock":"end-of-input"}\n');
  });

  it("are read back where they are whole", () => {
    expect(parseEntrypointEvent(`{"airlock":"cloned","head":"${head}","fresh":true}`)).toEqual({
      airlock: "cloned",
      head,
      fresh: true,
    });
    expect(parseEntrypointEvent(`{"airlock":"finished","claudeExit":1,"pushed":false,"head":""}`)).toEqual({
      airlock: "finished",
      claudeExit: 1,
      pushed: false,
      head: undefined,
    });
    expect(parseEntrypointEvent('{"airlock":"failed","step":"clone"}')).toEqual({ airlock: "failed", step: "clone" });
  });

  it("are nothing where they are not", () => {
    for (const line of ["", "text", '{"type":"result"}', '{"airlock":', '{"airlock":"cloned","head":"x"}', '{"airlock":"other"}'])
      expect(parseEntrypointEvent(line)).toBeUndefined();
  });
});
