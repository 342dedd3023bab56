import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { convertManifest, createApp, findManifestProblems, mintManifestCode } from "../../../../src/local/github/manifest.ts";
import { createWorld } from "../../../../src/local/github/state.ts";

const good = {
  name: "Mine",
  url: "http://127.0.0.1/",
  redirect_url: "http://127.0.0.1/setup",
  hook_attributes: { url: "http://127.0.0.1/hook" },
  default_permissions: { issues: "write", checks: "write" },
  default_events: ["issues", "check_run"],
};

function world(nowMs = () => 0) {
  return createWorld({ url: "http://127.0.0.1:1", folder: "/nowhere", nowMs });
}

describe("a manifest", () => {
  it.each([
    ["is good", {}, []],
    ["lists an event that always comes", { default_events: ["installation"] }, ["Default events unsupported: installation"]],
    ["lists an event that there is not", { default_events: ["moon"] }, ["Default events unsupported: moon"]],
    [
      "lists an event without its permission",
      { default_events: ["push"] },
      ["Default events are not supported by permissions: push"],
    ],
    ["has no url", { url: "" }, ["url wasn't supplied"]],
    ["has a hook that is no address", { hook_attributes: { url: "here" } }, ["Hook url is not valid"]],
    [
      "wants a level that there is not",
      { default_permissions: { issues: "all", checks: "read" }, default_events: [] },
      ["Default permission records resource is not included in the list: issues"],
    ],
  ])("that %s", (_, change, problems) => {
    expect(findManifestProblems(world(), { ...good, ...change })).toEqual(problems);
  });

  it("of ours is one that GitHub takes", () => {
    const ours = parse(readFileSync(new URL("../../../../app.yml", import.meta.url), "utf8")) as typeof good;
    expect(
      findManifestProblems(world(), { ...good, ...ours, hook_attributes: good.hook_attributes, redirect_url: good.redirect_url }),
    ).toEqual([]);
  });

  it("becomes an App once, within the hour", () => {
    let nowMs = 0;
    const here = world(() => nowMs);
    const owner = { id: 1, login: "acme", type: "Organization" as const, createdAt: "" };
    const app = createApp(here, { name: "Mine", owner, permissions: {}, events: [] });
    expect(app).toMatchObject({ slug: "mine", bot: { login: "mine[bot]", type: "Bot" } });
    expect(findManifestProblems(here, good)).toEqual(["Name is already taken"]);
    const code = mintManifestCode(here, app);
    expect(convertManifest(here, code)).toBe(app);
    expect(() => convertManifest(here, code)).toThrow("Not Found");
    const late = mintManifestCode(here, app);
    nowMs = 3_600_000;
    expect(() => convertManifest(here, late)).toThrow("Not Found");
  });
});
