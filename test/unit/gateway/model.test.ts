import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeAnswerHeaders, composeModelHeaders } from "../../../src/gateway/model/headers.ts";
import { createScrubber } from "../../../src/gateway/model/scrub.ts";
import { isKeyRefusal } from "../../../src/gateway/model/upstream-error.ts";
import { createUsageMeter } from "../../../src/gateway/model/usage.ts";

describe("the model door's parts", () => {
  it("[12] scrubs a secret wherever the stream is cut, and changes nothing else", () => {
    const secret = "sk-ant-secret-sk-ant";
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(secret, "sk-ant-", "s", "x", secret.slice(0, 9), secret.slice(5), "é"), { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
        (parts, sizes) => {
          const bytes = Buffer.from(parts.join(""));
          const scrubber = createScrubber([secret]);
          const out: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value ?? 1;
            out.push(Buffer.from(scrubber.push(bytes.subarray(at, at + size))));
            at += size;
          }
          out.push(scrubber.flush());
          return Buffer.concat(out).toString() === bytes.toString().replaceAll(secret, "[removed by Airlock]");
        },
      ),
    );
  });

  it("holds nothing back that cannot be the beginning of a secret", () => {
    expect(createScrubber(["secret"]).push(Buffer.from("data: x\n\n")).toString()).toBe("data: x\n\n");
  });

  it("counts the same usage however a stream is cut", () => {
    const text =
      'event: message_start\r\ndata: {"message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}\r\n\r\nevent: ping\ndata: {}\n\nevent: message_delta\ndata: {"usage":{"output_tokens":9}}\n\n';
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (size) => {
        const meter = createUsageMeter("text/event-stream");
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += size) meter.push(bytes.subarray(at, at + size));
        const usage = meter.result();
        return usage?.model === "m" && usage.inputTokens === 3 && usage.outputTokens === 9;
      }),
    );
    const broken = createUsageMeter("text/event-stream");
    broken.push(Buffer.from("event: message_start\ndata: {nonsense\n\n"));
    expect(broken.result()).toBeUndefined();
  });

  it("composes headers from a list, with one credential", () => {
    const request = new Map([
      ["x-api-key", ["own"]],
      ["authorization", ["own"]],
      ["user-agent", ["x\u0001"]],
      ["x-evil", ["1"]],
    ]);
    const fixed = {
      accept: "application/json",
      "accept-encoding": "identity",
      "anthropic-version": "2023-06-01",
      "content-type": "application/json",
      "x-app": "cli",
    };
    const key = composeModelHeaders({ request, betas: ["a", "b"], credential: { kind: "api-key", value: "K" } });
    expect(key).toEqual({ ...fixed, "anthropic-beta": "a,b", "x-api-key": "K" });
    const oauth = composeModelHeaders({ request, betas: [], credential: { kind: "oauth", value: "T" } });
    expect(oauth).toEqual({ ...fixed, authorization: "Bearer T", "anthropic-beta": "oauth-2025-04-20" });
    expect(composeAnswerHeaders({ "set-cookie": "x", "request-id": "r-K-r", location: "y" }, "K")).toEqual({
      "request-id": "r-[removed]-r",
    });
  });

  it("tells a refused key from other refusals", () => {
    expect(isKeyRefusal(401, Buffer.from(""))).toBe(true);
    expect(isKeyRefusal(403, Buffer.from('{"error":{"type":"permission_error"}}'))).toBe(true);
    expect(isKeyRefusal(403, Buffer.from("<html>"))).toBe(false);
    expect(isKeyRefusal(400, Buffer.from('{"error":{"type":"authentication_error"}}'))).toBe(false);
  });
});
