import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideBetas } from "../../../src/gateway/model/betas.ts";
import { decideBody } from "../../../src/gateway/model/policy.ts";

const read = (path: string) => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"));
const samples = read("test/fixtures/agent/model-requests.json") as { target: string; body: Record<string, unknown> }[];
const shapes = read("src/gateway/model/shapes.json") as { claudeCode: string; shapes: string[] };
const kindOf = (target: string) => (target.includes("/count_tokens") ? "count" : "messages");
const small = { model: "m", max_tokens: 1, messages: [] as unknown[] };
const refusalOf = (body: unknown) => {
  const decision = decideBody(body, {});
  return decision.allowed ? "allowed" : `${decision.rule} ${decision.why.split(":")[0]}`;
};

describe("the policy for bodies of the model API", () => {
  it("is the one of the pinned Claude Code, and lets all pass that this was seen to send", () => {
    const pins = read("sandbox/package.json").optionalDependencies as Record<string, string>;
    expect(pins["@anthropic-ai/claude-code-linux-x64"]).toBe(shapes.claudeCode);
    expect(pins["@anthropic-ai/claude-code-linux-arm64"]).toBe(shapes.claudeCode);
    expect(samples.length).toBeGreaterThan(20);
    for (const { target, body } of samples) expect(decideBody(body, {}, kindOf(target)), target).toEqual({ allowed: true });
    const betas = shapes.shapes.flatMap((line) => (line.startsWith("beta ") ? line.slice(5) : []));
    expect(decideBetas(betas.join(","))).toEqual({ allowed: true, betas, dropped: [] });
  });

  it("[60] refuses a field that it does not know, wherever in a real body it stands, and names the place", () => {
    const keys = fc.oneof(
      fc.constantFrom("__proto__", "constructor", "toString", "source", "url", "file_id", "mcp_servers", "container", ""),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), keys, fc.jsonValue(), ({ target, body }, at, key, value) => {
        const changed = structuredClone(body);
        const places = placesIn(changed);
        const place = places[at % places.length] as Record<string, unknown>;
        fc.pre(!Object.hasOwn(place, key) && !optional.has(key));
        Object.defineProperty(place, key, { value, enumerable: true, configurable: true, writable: true });
        const decision = decideBody(changed, {}, kindOf(target));
        return !decision.allowed && decision.rule.startsWith("model.") && decision.why.includes(": ");
      }),
      { numRuns: 2_000 },
    );
  });

  it("[60] refuses a kind of block, tool, source or edit that it does not know", () => {
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), fc.string({ minLength: 1 }), ({ target, body }, at, word) => {
        const changed = structuredClone(body);
        const places = placesIn(changed).filter((place) => typeof place.type === "string");
        fc.pre(places.length > 0 && !knownTypes.has(word));
        (places[at % places.length] as Record<string, unknown>).type = word;
        return !decideBody(changed, {}, kindOf(target)).allowed;
      }),
    );
  });

  it("[13] refuses everything that makes the far end fetch, search, store or run", () => {
    const user = (block: unknown) => ({ ...small, messages: [{ role: "user", content: [block] }] });
    const said = (block: unknown) => ({ ...small, messages: [{ role: "assistant", content: [block] }] });
    const result = (block: unknown) => user({ type: "tool_result", tool_use_id: "t", content: [block] });
    const url = { type: "url", url: "https://evil" };
    const cases: [body: unknown, refusal: string][] = [
      [user({ type: "image", source: url }), "model.remote-source messages[0].content[0].source.type"],
      [user({ type: "document", source: url }), "model.remote-source messages[0].content[0].source.type"],
      [
        user({ type: "document", source: { type: "content", content: [{ type: "image", source: url }] } }),
        "model.unknown-source messages[0].content[0].source.type",
      ],
      [result({ type: "image", source: url }), "model.remote-source messages[0].content[0].content[0].source.type"],
      [
        result({ type: "document", source: { type: "file", file_id: "f" } }),
        "model.remote-source messages[0].content[0].content[0].source.type",
      ],
      [result({ type: "search_result", source: "https://evil" }), "model.unknown-block messages[0].content[0].content[0].type"],
      [user({ type: "container_upload", file_id: "f" }), "model.remote-block messages[0].content[0].type"],
      [
        said({ type: "server_tool_use", id: "s", name: "web_search", input: {} }),
        "model.remote-block messages[0].content[0].type",
      ],
      [
        said({ type: "tool_use", id: "t", name: "x", input: {}, caller: { type: "code_execution_20250825", tool_id: "s" } }),
        "model.value messages[0].content[0].caller.type",
      ],
      [
        { ...small, tools: [{ name: "x", input_schema: {}, allowed_callers: ["code_execution_20250825"] }] },
        "model.unknown-field tools[0].allowed_callers",
      ],
      [{ ...small, tools: [{ type: null, name: "x", input_schema: {} }] }, "model.server-tool tools[0].type"],
      [{ ...small, container: { skills: [] } }, "model.remote-field container"],
      [{ ...small, mcp_servers: [] }, "model.remote-field mcp_servers"],
      [{ ...small, speed: "fast" }, "model.unknown-field speed"],
      [{ ...small, system: [{ type: "document", source: url }] }, "model.unknown-block system[0].type"],
    ];
    for (const server of [
      "web_search_20250305",
      "web_fetch_20250910",
      "code_execution_20250825",
      "memory_20250818",
      "mcp_toolset",
    ])
      cases.push([{ ...small, tools: [{ type: server, name: "x" }] }, "model.server-tool tools[0].type"]);
    expect(cases.map(([body]) => refusalOf(body))).toEqual(cases.map(([, refusal]) => refusal));
  });

  it("leaves the arguments of a tool call and its schema alone: they are data", () => {
    const input = { source: { type: "url", url: "https://x" }, mcp_servers: [1] };
    const messages = [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "x", input }] }];
    expect(refusalOf({ ...small, messages, tools: [{ name: "x", input_schema: input }] })).toBe("allowed");
  });

  it("knows only the run's models, and says how another is granted", () => {
    const decision = decideBody({ ...small, model: "n" }, { allowedModels: ["m"] });
    expect(decision).toMatchObject({ rule: "model.not-allowed", grant: expect.stringContaining("AIRLOCK_SMALL_MODEL") });
    expect(decideBody(small, { allowedModels: ["m"] })).toEqual({ allowed: true });
  });

  it("[60] takes unknown features out and refuses those by which the far end acts", () => {
    expect(decideBetas("effort-2025-11-24, thing-of-tomorrow,effort-2025-11-24")).toEqual({
      allowed: true,
      betas: ["effort-2025-11-24"],
      dropped: ["thing-of-tomorrow"],
    });
    expect(decideBetas(undefined)).toEqual({ allowed: true, betas: [], dropped: [] });
    for (const beta of ["web-fetch-2025-09-10", "code-execution-2025-08-25", "mcp-client-2025-11-20", "files-api-2025-04-14"])
      expect(decideBetas(`effort-2025-11-24,${beta}`)).toMatchObject({ rule: "model.remote-beta" });
    expect(decideBetas("a\nb")).toMatchObject({ rule: "model.beta" });
  });
});

/** Every object that the policy looks into. */
function placesIn(root: unknown): Record<string, unknown>[] {
  if (Array.isArray(root)) return root.flatMap(placesIn);
  if (typeof root !== "object" || root === null) return [];
  const inner = Object.entries(root).flatMap(([name, value]) =>
    ["input", "input_schema", "schema"].includes(name) ? [] : placesIn(value),
  );
  return [root as Record<string, unknown>, ...inner];
}

// Fields that are allowed somewhere: whether they may stand in another place is not what this asks.
const optional = new Set(
  "cache_control ttl citations title context is_error content caller type description defer_loading strict eager_input_streaming input_examples disable_parallel_tool_use display keep trigger clear_at_least exclude_tools clear_tool_inputs edits effort format system tools tool_choice thinking context_management output_config stream temperature top_p top_k stop_sequences metadata user_id".split(
    " ",
  ),
);
const knownTypes = new Set(
  "text image document tool_result tool_use thinking redacted_thinking tool_reference base64 custom ephemeral adaptive enabled disabled clear_thinking_20251015 clear_tool_uses_20250919 json_schema direct".split(
    " ",
  ),
);
