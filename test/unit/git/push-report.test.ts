import { describe, expect, it } from "vitest";
import { flushPacket, printPacket } from "../../../src/git/pkt-line.ts";
import { parsePushReport } from "../../../src/git/push-report.ts";

const ref = "refs/heads/agent/issue-7";
const band = (number: number, bytes: Buffer | string) => printPacket(Buffer.concat([Buffer.from([number]), Buffer.from(bytes)]));

describe("parsePushReport", () => {
  it("reads a success and what the far end printed, split over bands", () => {
    const status = Buffer.concat([printPacket("unpack ok\n"), printPacket(`ok ${ref}\n`), flushPacket]);
    const bytes = Buffer.concat([
      band(2, "Create a pull "),
      band(1, status.subarray(0, 9)),
      band(2, "request\n"),
      band(1, status.subarray(9)),
      flushPacket,
    ]);
    expect(parsePushReport(bytes, ref)).toEqual({ at: "ok", remote: "Create a pull request\n" });
    expect(parsePushReport(status, ref)).toEqual({ at: "ok", remote: "" });
  });

  it("reads a refusal with its reason", () => {
    const workflow =
      "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission";
    const status = Buffer.concat([printPacket("unpack ok\n"), printPacket(`ng ${ref} ${workflow}\n`), flushPacket]);
    expect(parsePushReport(band(1, status), ref)).toEqual({ at: "refused", reason: workflow, remote: "" });
    expect(parsePushReport(printPacket("unpack index-pack failed\n"), ref)).toMatchObject({ at: "refused" });
  });

  it("says unknown where the answer is cut, empty, fatal or about another ref", () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from("<html>"),
      printPacket("unpack ok\n"),
      Buffer.concat([printPacket("unpack ok\n"), printPacket(`ok ${ref}x\n`)]),
      band(3, "fatal: disk"),
    ]) {
      expect(parsePushReport(bytes, ref).at).toBe("unknown");
    }
  });
});
