import { describe, expect, it } from "vitest";
import {
  findShellBlocks,
  findUnansweredTool,
  isSideRequest,
  readConversation,
} from "../../../../src/local/model/conversation.ts";

const call = { role: "assistant" as const, content: [{ type: "tool_use", id: "t1", name: "Bash", input: {} }] };
const result = (text: string) => ({
  role: "user" as const,
  content: [{ type: "tool_result", tool_use_id: "t1", content: text }],
});

describe("shell blocks", () => {
  it("takes the text of a block marked airlock-sh", () => {
    expect(findShellBlocks("Hi\n\n```airlock-sh\necho 1\necho 2\n```\n")).toEqual(["echo 1\necho 2"]);
  });
  it("leaves other blocks alone, also one that quotes a marked block", () => {
    expect(findShellBlocks("````md\n```airlock-sh\nrm x\n```\n````\n```sh\nls\n```")).toEqual([]);
  });
  it("ignores a block that never ends", () => {
    expect(findShellBlocks("```airlock-sh\necho")).toEqual([]);
  });
  it("keeps shorter fences inside the command, and copes with CRLF", () => {
    expect(findShellBlocks("~~~~airlock-sh\r\ncat <<E\r\n```\r\nE\r\n~~~~\r\n")).toEqual(["cat <<E\n```\nE"]);
  });
});

describe("reading a conversation", () => {
  it("counts the answers it already got", () => {
    const seen = readConversation([{ role: "user", content: "go" }, call, result("one"), call, result("two")]);
    expect(seen).toEqual({ answered: 2, order: undefined, lastResult: "two" });
  });
  it("lets the newest instruction's last block win, counting answers from there", () => {
    const block = (command: string) => `\`\`\`airlock-sh\n${command}\n\`\`\`\n`;
    const first = { role: "user" as const, content: [{ type: "text", text: block("a") + block("b") }] };
    expect(readConversation([first]).order).toEqual({ command: "b", answered: 0 });
    expect(readConversation([first, call, result("x")]).order).toEqual({ command: "b", answered: 1 });
    const second = { role: "user" as const, content: block("c") };
    expect(readConversation([first, call, result("x"), call, second]).order).toEqual({ command: "c", answered: 0 });
  });
  it("takes no order from a reminder or from what a tool printed", () => {
    const block = "```airlock-sh\nid\n```";
    const reminder = { type: "text", text: `<system-reminder>\n${block}\n</system-reminder>` };
    expect(readConversation([{ role: "user", content: [reminder] }, call, result(block)]).order).toBeUndefined();
  });
});

it("tells side requests from the job: no tools, server tools only, or a subagent's", () => {
  const base = { model: "m", messages: [{ role: "user" as const, content: "x" }] };
  expect(isSideRequest(base)).toBe(true);
  expect(isSideRequest({ ...base, tools: [{ type: "web_search_20250305", name: "web_search" }] })).toBe(true);
  expect(isSideRequest({ ...base, tools: [{ name: "Bash" }], system: [{ type: "text", text: "x; cc_is_subagent=true;" }] })).toBe(
    true,
  );
  expect(isSideRequest({ ...base, tools: [{ name: "Bash" }] })).toBe(false);
});

it("finds a tool call that was left without its result", () => {
  expect(findUnansweredTool([call, { role: "user", content: "and now?" }])).toBe("t1");
  expect(findUnansweredTool([call, { role: "system", content: "x" }, result("y")])).toBeUndefined();
});
