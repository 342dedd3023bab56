import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { createApi } from "../../../src/github/api.ts";

it("no text goes to GitHub past the redactor, whoever wrote it, and names go as they are", async () => {
  const got: string[] = [];
  const server = createServer(async (request, response) => {
    got.push(`${request.method} ${request.url} ${request.headers.authorization} ${await text(request)}`);
    response.writeHead(201, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const at = { owner: "canary", repo: "shop" };
  const call = async (redact?: (value: string) => string) => {
    const api = createApi(url, () => "token t", redact ? { redact } : {});
    await api.rest.issues.createComment({ ...at, issue_number: 1, body: "a canary" });
    await api.rest.checks.create({
      ...at,
      name: "Airlock",
      head_sha: "a".repeat(40),
      output: { title: "canary", summary: "the canary" },
    });
    await api.rest.pulls.create({ ...at, head: "b", base: "main", title: "canary", body: "canary" });
  };
  // The control: without a redactor it leaves.
  await call();
  expect(got.filter((line) => line.includes("a canary") || line.includes('"canary"'))).toHaveLength(3);
  got.length = 0;
  await call((value) => value.replaceAll("canary", "[redacted]"));
  server.close();
  expect(got.map((line) => line.split(" ")[1])).toEqual([
    "/repos/canary/shop/issues/1/comments",
    "/repos/canary/shop/check-runs",
    "/repos/canary/shop/pulls",
  ]);
  for (const line of got) {
    expect(line.replace("/repos/canary/shop", "")).not.toContain("canary");
    expect(line).toContain("token t");
  }
});
