import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseQuery } from "../../src/gateway/api/query.ts";
import type { RunId } from "../../src/run/identity.ts";
import { controlFell } from "../helpers/control.ts";
import { type House, mintTestRun, openHouse } from "../helpers/gateway-house.ts";
import { closeServer } from "../helpers/git-upstream.ts";
import { ask } from "../helpers/raw-http.ts";
import { workedMs } from "../helpers/worked.ts";

const token = "ghs_reader-canary-0123456789";
const when = "2026-01-02T03:04:05Z";
const person = { login: "ada", id: 1, node_id: "U1" };
const issue = {
  ...{ id: 7, node_id: "I7", number: 7, title: "Sum is wrong", body: "It adds one.", state: "open", comments: 1, user: person },
  ...{ html_url: "https://github.com/acme/shop/issues/7", created_at: when, updated_at: when, labels: [], assignees: [] },
};
const pull = {
  ...issue,
  ...{ number: 2, title: "Fix the sum", head: { ref: "fix", sha: "a".repeat(40) }, base: { ref: "main" }, commits: 1 },
};

/** Of 250 issues, the newest number last. */
function pageOf(url: string): unknown[] {
  const asked = new URL(url, "http://x").searchParams;
  const [page, perPage] = [Number(asked.get("page") ?? 1), Number(asked.get("per_page") ?? 30)];
  const all = Array.from({ length: 250 }, (_, i) => ({ ...issue, number: i + 1 }));
  return all.slice((page - 1) * perPage, page * perPage);
}

describe("attacks through GitHub's API", () => {
  let house: House;
  let run: RunId;
  let socket: string;
  let folder: string;
  const asked: { line: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { url = "", headers } = request;
    asked.push({ line: `${request.method} ${url}`, authorization: headers.authorization });
    const path = url.split("?")[0] ?? "";
    const json = (value: unknown) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (path === "/repos/acme/shop/issues/7")
      return json({ ...issue, leak: `https://x.test/a?sig=secret`, echo: headers.authorization });
    if (path === "/repos/acme/shop/issues/7/comments") return json([{ id: 1, body: "Seen.", user: person, created_at: when }]);
    if (path === "/repos/acme/shop/issues") return json(pageOf(url));
    if (path === "/repos/acme/shop/issues/9") return response.writeHead(200).end("<html>GitHub is having a moment</html>");
    if (path === "/repos/acme/shop/pulls") return json([pull]);
    if (path === "/repos/acme/shop/pulls/2" && headers.accept?.includes("diff"))
      return response.writeHead(200, { "content-type": "text/plain" }).end("diff --git a/x b/x\n");
    if (path === "/repos/acme/shop/pulls/2") return json(pull);
    if (path === "/repos/acme/shop/pulls/2/reviews") return json([]);
    if (path.endsWith("/check-runs")) return json({ check_runs: [] });
    if (path === "/repos/acme/shop/actions/jobs/1/logs") return response.writeHead(302, { location: "/signed/log?sig=1" }).end();
    if (path === "/repos/acme/shop/actions/jobs/2/logs")
      return response.writeHead(302, { location: "https://stranger.invalid/log" }).end();
    if (path === "/repos/acme/shop/actions/jobs/3/logs")
      return response.writeHead(302, { location: `http://127.0.0.1:${port()}/signed/log?sig=1` }).end();
    if (path === "/signed/log") return response.writeHead(200, { "content-type": "text/plain" }).end("build failed\n");
    return response.writeHead(path.startsWith("/repos/acme/") ? 404 : 200).end("control");
  });
  const port = () => (server.address() as AddressInfo).port;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    folder = await mkdtemp(join(tmpdir(), "alp-"));
    house = await openHouse({ apiUrl: `http://127.0.0.1:${port()}` });
    run = mintTestRun();
    socket = await house.openDoor(run);
    await house.gateway.tellReader(run, { owner: "acme", name: "shop", token });
  }, 60_000);
  afterAll(async () => {
    await house[Symbol.asyncDispose]();
    await closeServer(server);
    await rm(folder, { recursive: true, force: true });
  });
  const get = (target: string, method = "GET") => ask(socket, { method, target });
  const query = (text: string, variables: unknown = {}) => {
    const body = JSON.stringify({ query: text, variables });
    return ask(socket, { method: "POST", target: "/graphql", headers: { "content-type": "application/json" }, body });
  };
  const reached = (part: string) => asked.filter(({ line }) => line.includes(part)).length;

  const hasGh = spawnSync("gh", ["--version"]).status === 0;
  it.skipIf(!hasGh)(
    "lets gh read issues and pull requests, with no token inside",
    async () => {
      await writeFile(join(folder, "config.yml"), `http_unix_socket: ${socket}\n`);
      const { PATH = "" } = process.env;
      const env = { PATH, HOME: folder, GH_CONFIG_DIR: folder, GH_TOKEN: "held-by-the-gateway", GH_REPO: "acme/shop" };
      const gh = async (...args: string[]) => (await execa("gh", args, { env, extendEnv: false, reject: false, all: true })).all;
      expect(await gh("issue", "view", "7")).toContain("It adds one.");
      expect(await gh("issue", "view", "7", "--comments")).toContain("Seen.");
      expect(await gh("issue", "list")).toContain("Sum is wrong");
      expect(await gh("pr", "view", "2")).toContain("Fix the sum");
      expect(await gh("pr", "list")).toContain("Fix the sum");
      expect(await gh("pr", "diff", "2")).toContain("diff --git");
    },
    60_000,
  );

  it("[61] no query, and no answer to one, ends the gateway: each is refused, and every other run is served", async () => {
    const neighbour = mintTestRun();
    const next = await house.openDoor(neighbour);
    const headers = { "content-type": "application/json" };
    // JSON, and no object: null is one to JavaScript.
    for (const body of [
      "null",
      "5",
      "[]",
      '"x"',
      "true",
      '{"query":null}',
      '{"query":"query{node(id:1){id}}","variables":null}',
    ]) {
      const answer = await ask(socket, { method: "POST", target: "/graphql", headers, body });
      expect([200, 403], body).toContain(answer.status);
      expect((await ask(next, { method: "GET", target: "/healthz" })).status, body).toBe(200);
    }
    const broken = await query('query { repository(owner: "acme", name: "shop") { issue(number: 9) { id } } }');
    expect([broken.status, broken.body]).toEqual([500, expect.stringContaining("Rule door.fault.")]);
    expect((await query('query { repository(owner: "acme", name: "shop") { issue(number: 7) { title } } }')).status).toBe(200);
    const rows = await house.closeAndRead(neighbour);
    expect(rows.every(({ rule }) => rule === "gateway.health")).toBe(true);
  });

  it("[20] of the REST API only reads of the run's own repository pass", async () => {
    expect((await fetch(`http://127.0.0.1:${port()}/repos/acme/other/contents/secret`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port()}/gists`, { method: "POST" })).status).toBe(200);
    controlFell(reached("POST /gists") === 1);
    const before = asked.length;
    for (const target of [
      "/repos/acme/other/issues/7",
      "/repos/acme/shop2/issues/7",
      "/repos/acme/shop/../other/issues/7",
      "/repos/acme/shop/%2e%2e/other/issues/7",
      "/repos/acme/shop//issues/7",
      "/repos/ACME/shop/issues/7",
      "/repos/acme/shop/issues/7?token=secret",
      "/repos/acme/shop/issues?state=open&state=all",
      "/repos/acme/shop/contents/.env",
      "/repos/acme/shop/actions/secrets",
      "/repos/acme/shop/tarball",
      "/repos/acme/shop/zipball/main",
      "/api/repos/acme/other/issues",
      "/user",
      "/gists",
      "/search/code?q=secret",
      "/api/user",
    ])
      expect((await get(target)).status, target).toBe(403);
    for (const method of ["PUT", "DELETE", "PATCH", "POST"])
      expect((await get("/repos/acme/shop/issues/7", method)).status, method).toBe(403);
    expect(asked.length).toBe(before);
    expect((await get("/api/repos/acme/shop/issues/7")).status).toBe(200);
    expect((await get("/repos/acme/shop/issues?state=open&per_page=5")).status).toBe(200);
  });

  it("[20] of GraphQL only queries of that repository are answered, and none leaves", async () => {
    await fetch(`http://127.0.0.1:${port()}/graphql`, { method: "POST", body: "control" });
    controlFell(reached("POST /graphql") === 1);
    const own = `query { repository(owner: "acme", name: "shop") { issue(number: 7) { title body } } }`;
    expect(JSON.parse((await query(own)).body)).toEqual({
      data: { repository: { issue: { title: issue.title, body: issue.body } } },
    });
    for (const text of [
      `mutation { addStar(input: {starrableId: "x"}) { clientMutationId } }`,
      `subscription { x }`,
      `{ viewer { login } }`,
      `query { viewer { login } }`,
      `query { repository(owner: "acme", name: "other") { name } }`,
      `query { repository(owner: "acme", name: "shop") { object(expression: "HEAD:.env") { id } } }`,
      `query { repository(owner: "acme", name: "shop") { ...Away } }`,
      `query { repository(owner: "acme", name: "shop") { constructor } }`,
      `query A { repository(owner: "acme", name: "shop") { name } } mutation B { x }`,
      `query { search(query: "secret", type: ISSUE, first: 1) { issueCount } }`,
      `fragment F on Repository { ...F } query { repository(owner: "acme", name: "shop") { ...F } }`,
    ])
      expect((await query(text)).status, text).toBe(403);
    expect(reached("POST /graphql")).toBe(1);
  });

  it("[20] lists longer than a page come whole, and no cursor but ours is taken", async () => {
    const all = `query ($after: String) { repository(owner: "acme", name: "shop") {
      issues(first: 100, after: $after) { nodes { number } totalCount pageInfo { hasNextPage endCursor } } } }`;
    const numbers: number[] = [];
    let after: string | null = null;
    do {
      const answer: string = (await query(all, { after })).body;
      const { issues } = JSON.parse(answer).data.repository;
      numbers.push(...issues.nodes.map(({ number }: { number: number }) => number));
      after = issues.pageInfo.hasNextPage ? issues.pageInfo.endCursor : null;
    } while (after !== null && numbers.length < 1_000);
    expect(numbers).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    for (const strange of ["after:1e9", "Y3Vyc29y", "after:-1", "after:1/../../x"])
      expect((await query(all, { after: strange })).status, strange).toBe(403);
  });

  it("[82] no query takes long to refuse", () => {
    const deep = "{a".repeat(10_000);
    const beganMs = workedMs();
    expect(parseQuery(`query ${deep}`)).toBeUndefined();
    expect(parseQuery(`query {${" ,".repeat(16_000)}`)).toBeUndefined();
    expect(workedMs() - beganMs).toBeLessThan(1_000);
  });

  it("[12] neither the token nor a signed address is in an answer", async () => {
    const direct = await fetch(`http://127.0.0.1:${port()}/repos/acme/shop/issues/7`, { headers: { authorization: token } });
    const control = await direct.text();
    controlFell(control.includes(token) && control.includes("sig=secret"));
    const answer = await get("/repos/acme/shop/issues/7");
    expect(answer.raw).toContain("Sum is wrong");
    expect(answer.raw).not.toContain(token);
    expect(answer.raw).not.toContain("sig=");
    expect(asked.at(-1)?.authorization).toBe(`Bearer ${token}`);
  });

  it("[61] a log's redirect is followed by the gateway, without the token, to known hosts only", async () => {
    const control = await fetch(`http://127.0.0.1:${port()}/repos/acme/shop/actions/jobs/2/logs`, { redirect: "manual" });
    controlFell(control.headers.get("location") === "https://stranger.invalid/log");
    const followed = await get("/repos/acme/shop/actions/jobs/3/logs");
    expect(followed.body).toBe("build failed\n");
    expect(followed.raw).not.toContain("location");
    expect(asked.at(-1)).toEqual({ line: "GET /signed/log?sig=1", authorization: undefined });
    const refused = await get("/repos/acme/shop/actions/jobs/2/logs");
    expect(refused.status).toBe(502);
    expect(refused.raw).not.toContain("stranger");
  });

  it("[12] a run without a reader, and one after its end, reads nothing", async () => {
    expect((await get("/repos/acme/shop/issues/7")).status).toBe(200);
    const other = mintTestRun();
    const path = await house.openDoor(other);
    expect((await ask(path, { method: "GET", target: "/repos/acme/shop/issues/7" })).body).toContain("api.no-token");
    const rows = await house.closeAndRead(run);
    expect(rows.filter((row) => row.door === "api" && row.verdict === "refused").length).toBeGreaterThan(20);
    socket = await house.openDoor(run);
    expect((await get("/repos/acme/shop/issues/7")).body).toContain("api.no-token");
  });
});
