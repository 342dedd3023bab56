import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogger } from "../../src/log.ts";
import { createRedactor } from "../../src/secret/redact.ts";

const secret = "s3cret-value-of-ours";

function record(format: "json" | "pretty") {
  const destination = new PassThrough();
  const log = createLogger({ level: "info", format, redactor: createRedactor({ values: [secret] }), destination });
  return { log, text: () => String(destination.read() ?? "") };
}

describe.each(["json", "pretty"] as const)("the log as %s", (format) => {
  it("holds a secret nowhere: message, fields, errors, causes, children", () => {
    const { log, text } = record(format);
    const error = new Error(`boom ${secret}`, { cause: new Error(`deep ${secret}`) });
    log.info({ deep: { deeper: { token: secret } } }, `message ${secret}`);
    log.child({ runId: `r-${secret}` }).error({ err: error }, "failed");
    const out = text();
    expect(out).toContain("failed");
    expect(out).toContain("[redacted]");
    expect(out).not.toContain(secret);
  });
});

it("writes one JSON object a line, with words for levels", () => {
  const { log, text } = record("json");
  log.warn({ a: 1 }, "careful");
  log.debug("unseen");
  const lines = text().trim().split("\n");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "warn",
    msg: "careful",
    a: 1,
    time: expect.stringMatching(/^\d{4}-/),
  });
});
