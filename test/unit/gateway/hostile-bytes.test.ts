import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseApiPath, scrubAnswer } from "../../../src/gateway/api/paths.ts";
import { parseQuery } from "../../../src/gateway/api/query.ts";
import { findFetchRefusal, findPushRefusal, withNote, withWords } from "../../../src/gateway/git/verdict.ts";
import { createUsageMeter } from "../../../src/gateway/model/usage.ts";
import { parseSparseEntry } from "../../../src/gateway/registry/crates.ts";
import { goModSum, goZipSum } from "../../../src/gateway/registry/go.ts";
import { isManifest, readManifests } from "../../../src/gateway/registry/manifests.ts";
import { parsePackument } from "../../../src/gateway/registry/npm.ts";
import { parseSimpleIndex } from "../../../src/gateway/registry/pypi.ts";
import { parseRegistryTarget } from "../../../src/gateway/registry/request.ts";
import { parseCgiHead } from "../../../src/git/host/cgi.ts";
import { flushPacket, printPacket, readPacket } from "../../../src/git/pkt-line.ts";
import { parsePushReport } from "../../../src/git/push-report.ts";
import { parseWorkflow } from "../../../src/publish/ci/workflow.ts";
import { parseRange } from "../../../src/sandbox/ranges.ts";
import { workedMs } from "../../helpers/worked.ts";

/** Noise, and noise that begins like the real thing: most faults lie behind the first branch. */
const bytes = (...beginnings: string[]) =>
  fc
    .tuple(fc.constantFrom("", ...beginnings), fc.uint8Array({ maxLength: 400 }))
    .map(([beginning, noise]) => Buffer.concat([Buffer.from(beginning, "latin1"), noise]));
const text = (...beginnings: string[]) =>
  fc
    .tuple(fc.constantFrom("", ...beginnings), fc.string({ unit: "binary", maxLength: 300 }))
    .map(([beginning, noise]) => beginning + noise);
const json = fc.json({ maxDepth: 6 }).map((it) => Buffer.from(it));
const upstream = "https://registry.example";

describe("a parser that meets bytes of anybody's", () => {
  const parsers: Record<string, [fc.Arbitrary<Buffer | string | [string, string]>, (input: never) => unknown]> = {
    "a registry's target": [text("/registry/npm/", "/registry/go/a.b/", "/registry/pypi/simple/"), parseRegistryTarget],
    "an API path": [text("/issues/", "/pulls?", "/actions/jobs/"), (it: string) => parseApiPath("acme/shop", it)],
    "a GraphQL query": [text("query{", "query A($x:Y){a(", "fragment f on T{...{"), parseQuery],
    "npm's index": [fc.oneof(bytes('{"versions":{"1.0.0":'), json), (it: Buffer) => parsePackument(upstream, "x", it)],
    "PyPI's index": [fc.oneof(bytes('{"files":[{"filename":'), json), (it: Buffer) => parseSimpleIndex(upstream, "x", it)],
    "a crate's entry": [fc.oneof(bytes('{"name":"x","vers":'), json), (it: Buffer) => parseSparseEntry(upstream, "x", it)],
    "go.mod's digest": [bytes("module x\n"), goModSum],
    "a Go module's zip": [bytes("PK\u0003\u0004", "PK\u0005\u0006"), (it: Buffer) => goZipSum(it, 1_000_000)],
    "a CGI head": [bytes("Status: 200 OK\r\n", "Content-Type: x\r\n\r\n"), parseCgiHead],
    "a push's report": [bytes("000eunpack ok\n", "0008\u0001000"), (it: Buffer) => parsePushReport(it, "refs/heads/x")],
    "a push's refusal": [bytes("000eunpack ok\n", "0030\u0001000eunpack ok\n"), findPushRefusal],
    "a fetch's refusal": [bytes("0030ERR "), findFetchRefusal],
    "a workflow": [text("on: push\njobs:\n", "a: &a [*a, *a]\n", "{{{{[[[["), (it: string) => parseWorkflow("w.yml", it)],
    "manifests and lock files": [
      fc.tuple(
        fc.constantFrom(
          "package-lock.json",
          "package.json",
          "requirements.txt",
          "pyproject.toml",
          "Cargo.lock",
          "go.sum",
          "go.mod",
        ),
        text('{"packages":{"":', "[[package]]\nname = ", "example.test/x v1.0.0 h1:", "left==1 --hash=sha256:"),
      ),
      ([path, content]: [string, string]) => readManifests([{ path, text: content }]),
    ],
    "an address range": [text("198.51.100.0/", "2001:db8::/"), parseRange],
    "a stream's usage": [
      bytes("data: {", 'event: message_delta\ndata: {"usage":{"output_tokens":'),
      (it: Buffer) => {
        const meter = createUsageMeter("text/event-stream");
        meter.push(it);
        return [meter.result(), meter.whole()];
      },
    ],
  };

  it.each(Object.keys(parsers))("throws nothing, and says the same twice: %s", (name) => {
    const [inputs, parse] = parsers[name] as [fc.Arbitrary<never>, (input: never) => unknown];
    fc.assert(
      fc.property(inputs, (input) => {
        expect(parse(input)).toEqual(parse(input));
      }),
      { numRuns: 300 },
    );
  });

  it("counts a stream's usage alike however it is cut", () => {
    const event =
      'event: message_start\ndata: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}\n\n';
    fc.assert(
      fc.property(fc.array(fc.nat(event.length), { maxLength: 6 }), (cuts) => {
        const meter = createUsageMeter("text/event-stream");
        const places = [0, ...cuts.toSorted((a, b) => a - b), event.length];
        for (const [nth, from] of places.slice(0, -1).entries()) meter.push(Buffer.from(event.slice(from, places[nth + 1])));
        expect(meter.result()).toMatchObject({ model: "m", inputTokens: 3 });
      }),
    );
  });

  it("reads a request of a registry's as one thing only, and as what it was made of", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/);
    fc.assert(
      fc.property(name, (package_) => {
        expect(parseRegistryTarget(`/registry/npm/${package_}`)).toEqual({
          ok: true,
          request: { of: "npm", name: package_, want: "index" },
        });
        for (const odd of ["%61", "/..", "?", "//", " ", "\0"])
          expect(parseRegistryTarget(`/registry/npm/${package_}${odd}x/y`).ok, odd).toBe(false);
      }),
    );
  });
});

describe("the answer to a push", () => {
  const reason = fc.constantFrom("deny updating a hidden ref", "failed to update ref", "missing necessary objects");
  const banded = (report: Buffer) => Buffer.concat([printPacket(Buffer.concat([Buffer.of(1), report])), flushPacket]);

  it("is a refusal for each reason, with and without side bands, and a line for people changes nothing of what git reads", () => {
    fc.assert(
      fc.property(reason, fc.boolean(), (why, sideband) => {
        const report = Buffer.concat([printPacket("unpack ok\n"), printPacket(`ng refs/heads/x ${why}\n`), flushPacket]);
        const answer = sideband ? banded(report) : report;
        expect(findPushRefusal(answer)?.rule).toBe(why.includes("hidden") ? "git.ref-hidden" : "git.ref-refused");
        const noted = withNote(answer, "Airlock refused this");
        expect(findPushRefusal(noted)).toEqual(findPushRefusal(answer));
        const { remote, ...read } = parsePushReport(noted, "refs/heads/x");
        expect(read).toEqual({ at: "refused", reason: why });
        expect(remote.includes("Airlock")).toBe(sideband);
      }),
    );
  });

  it("is none where git took it, where no report was asked for, and after a bare flush", () => {
    const taken = Buffer.concat([printPacket("unpack ok\n"), printPacket("ok refs/heads/x\n"), flushPacket]);
    for (const answer of [taken, banded(taken), Buffer.alloc(0), flushPacket]) expect(findPushRefusal(answer)).toBeUndefined();
    expect(findPushRefusal(Buffer.concat([printPacket("unpack index-pack abnormal exit\n"), flushPacket]))?.rule).toBe(
      "git.pack-refused",
    );
  });

  it("of a fetch is one packet still when words are put into it", () => {
    const answer = Buffer.concat([printPacket("ERR upload-pack: not our ref 1\n"), flushPacket]);
    const worded = withWords(answer, "Airlock refused this");
    const first = readPacket(worded, 0);
    expect(first.at === "packet" && first.packet.kind === "data" && first.packet.payload.toString()).toBe(
      "ERR upload-pack: not our ref 1: Airlock refused this\n",
    );
    expect(worded.subarray(-4).toString()).toBe("0000");
  });
});

describe("bytes made to stop a process that serves every run", () => {
  it.each([
    ["an answer of GitHub's", () => scrubAnswer("?".repeat(400_000), "token-of-the-run")],
    ["a Cargo.toml", () => readManifests([{ path: "Cargo.toml", text: "[".repeat(400_000) }])],
    [
      "sections of a Cargo.toml",
      () => readManifests([{ path: "Cargo.toml", text: `[${"a".repeat(400_000)}]\n${"\n".repeat(400_000)}` }]),
    ],
    ["a go.mod", () => readManifests([{ path: "go.mod", text: "a.".repeat(200_000) }])],
    ["a pyproject.toml", () => readManifests([{ path: "pyproject.toml", text: `[project]\nx = ${"'a'".repeat(1_000_000)}` }])],
  ])("[82] are read in a time that grows with their length alone: %s", (_, work) => {
    const startedAtMs = workedMs();
    work();
    // Minutes, where each part is read again from each place.
    expect(workedMs() - startedAtMs).toBeLessThan(2_000);
  });

  it("[12] are scrubbed of what is signed, also where JSON spells it out", () => {
    const text =
      '{"a":"https://h/x?y=1&sig=abc","b":"https://h/x?y=1","c":"what? token=5","d":"https://h/x?y=1\\u0026sig=abc\\n?z"}';
    expect(scrubAnswer(text, "token-of-the-run")).toBe(
      '{"a":"https://h/x","b":"https://h/x?y=1","c":"what? token=5","d":"https://h/x\\n?z"}',
    );
  });

  it("[20] are no query where they are nested deeper than the stack is", () => {
    expect(parseQuery(`query{a(b:${"[".repeat(30_000)})}`)).toBeUndefined();
    expect(parseQuery(`query{a(b:${"{c:".repeat(8_000)})}`)).toBeUndefined();
    expect(parseQuery("query{a(b:[{c:[1]}])}")).toBeDefined();
  });

  it.each(["valueOf", "hasOwnProperty", "__proto__", "toString"])("are no manifest by the name %s", (path) => {
    expect(isManifest(path)).toBe(false);
    expect(() => readManifests([{ path, text: "" }])).not.toThrow();
  });
});
