import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideRoute } from "../../../src/gateway/route.ts";

const head = (method: string, target: string, extra: string[] = []) => ({
  method,
  target,
  httpVersion: "1.1",
  rawHeaders: ["Host", "a", ...extra],
});
const known: [string, string][] = [
  ["GET", "/healthz"],
  ["GET", "/git/repository.git/info/refs?service=git-upload-pack"],
  ["GET", "/git/repository.git/info/refs?service=git-receive-pack"],
  ["POST", "/v1/messages"],
  ["POST", "/v1/messages?beta=true"],
  ["POST", "/v1/messages/count_tokens"],
  ["POST", "/v1/messages/count_tokens?beta=true"],
];

describe("decideRoute", () => {
  it("knows the few requests that a run needs", () => {
    for (const [method, target] of known) expect(decideRoute(head(method, target)), target).not.toHaveProperty("refused");
    const type = ["Content-Type", "application/x-git-receive-pack-request", "Content-Length", "4"];
    expect(decideRoute(head("POST", "/git/repository.git/git-receive-pack", type))).toMatchObject({
      door: "git",
      service: "git-receive-pack",
    });
    expect(decideRoute(head("POST", "/git/repository.git/git-receive-pack", ["Content-Type", "text/plain"]))).toMatchObject({
      rule: "git.content-type",
    });
  });

  it("[8] refuses every other spelling of them", () => {
    const spell = fc.constantFrom(
      (t: string) => t.replace("/", "//"),
      (t: string) => `/.${t}`,
      (t: string) => `/x/..${t}`,
      (t: string) => `${t}/`,
      (t: string) => `${t}&`,
      (t: string) => `${t}?`,
      (t: string) => `${t}%20`,
      (t: string) => t.toUpperCase(),
      (t: string) => t.replace("/", "/%2e%2e/"),
      (t: string) => t.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      (t: string) => t.replace("e", "é"),
      (t: string) => `${t}\0`,
      (t: string) => `http://a${t}`,
      (t: string) => `${t};x`,
      (t: string) => t.replaceAll("/", "\\"),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...known),
        spell,
        ([method, target], change) => "refused" in decideRoute(head(method, change(target))),
      ),
    );
  });

  it("[20] refuses any path that it was not told of", () => {
    const targets = new Set(known.map(([, target]) => target));
    const segment = fc.constantFrom(
      "v1",
      "messages",
      "git",
      "repository.git",
      "info",
      "refs",
      "api",
      "..",
      "healthz",
      "files",
      "",
    );
    fc.assert(
      fc.property(
        fc.constantFrom("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"),
        fc.array(segment, { minLength: 1, maxLength: 5 }),
        (method, parts) => {
          const target = `/${parts.join("/")}`;
          const decision = decideRoute(head(method, target));
          return "refused" in decision || targets.has(target);
        },
      ),
    );
  });

  it("says on which door a refused request knocked", () => {
    expect(decideRoute(head("POST", "/v1/files"))).toMatchObject({ door: "model", rule: "default.refuse", status: 403 });
    expect(decideRoute(head("GET", "/git/other.git/HEAD"))).toMatchObject({ door: "git", rule: "default.refuse" });
    expect(decideRoute(head("GET", "/metrics"))).toMatchObject({ door: "none" });
  });
});
