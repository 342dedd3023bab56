import type { Turn } from "../../src/local/model/scenario.ts";

/** What the agent is brought to do, so that every kind of request that a run can cause is made at least once. */
export interface AgentScenario {
  name: string;
  model: string;
  says: readonly string[];
  turns: Turn[];
}

const bash = (command: string, extra: Partial<Turn> = {}): Turn => ({
  tool: "Bash",
  input: { command, description: "A step of the scenario" },
  ...extra,
});
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const pdf = Buffer.from(
  "%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
).toString("base64");
const tools: Turn[] = [
  bash("ls", { thinking: "First I look.", text: "I'll look." }),
  bash(
    `printf %s ${png} | base64 -d > /work/repo/dot.png; printf %s ${pdf} | base64 -d > /work/repo/page.pdf; seq 1 5000 > /work/repo/long.txt`,
  ),
  { tool: "Read", input: { file_path: "/work/repo/dot.png" } },
  { tool: "Read", input: { file_path: "/work/repo/page.pdf" } },
  { tool: "Read", input: { file_path: "/work/repo/long.txt" }, thinking: "And the long one." },
  { tool: "Write", input: { file_path: "/work/repo/new.txt", content: "one\n" } },
  { tool: "Edit", input: { file_path: "/work/repo/new.txt", old_string: "one", new_string: "two" } },
  { tool: "Glob", input: { pattern: "*.txt" } },
  { tool: "Grep", input: { pattern: "two" } },
  { tool: "ToolSearch", input: { query: "select:NotebookEdit,TodoWrite", max_results: 5 } },
  { tool: "ToolSearch", input: { query: "web", max_results: 5 } },
  { tool: "WebSearch", input: { query: "anything" } },
  { tool: "WebFetch", input: { url: "https://example.invalid/", prompt: "what is it" } },
  { tool: "NoSuchTool", input: { x: 1 } },
  { tool: "Skill", input: { skill: "init" } },
  bash("false"),
  { text: "Done.", thinking: "That is all." },
];

export const scenarios: readonly AgentScenario[] = [
  { name: "tools", model: "claude-sonnet-5", says: ["Use all tools."], turns: tools },
  { name: "tools-opus", model: "claude-opus-4-8", says: ["Use all tools."], turns: tools },
  { name: "tools-haiku", model: "claude-haiku-4-5", says: ["Use all tools."], turns: tools },
  {
    name: "subagents",
    model: "claude-sonnet-5",
    says: ["Ask others."],
    turns: [
      ...["general-purpose", "Explore", "Plan"].map(
        (kind): Turn => ({ tool: "Agent", input: { description: `ask ${kind}`, prompt: "look around", subagent_type: kind } }),
      ),
      {
        tool: "Agent",
        input: { description: "ask a small one", prompt: "look around", subagent_type: "Explore", model: "haiku" },
      },
      bash("sleep 2"),
      { text: "Done." },
    ],
  },
  {
    name: "compaction",
    model: "claude-sonnet-5",
    says: ["Work long.", "/compact", "And on.", "/context", "/init"],
    turns: [bash("seq 1 2000"), bash("seq 1 2000", { usage: { inputTokens: 990_000 } }), bash("ls"), { text: "Done." }],
  },
  {
    name: "faults",
    model: "claude-sonnet-5",
    says: ["Go on in spite of it."],
    turns: [
      { error: { status: 529, times: 1 } },
      { cut: { times: 1 } },
      bash("ls"),
      { error: { status: 413, times: 1 } },
      { error: { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum", times: 1 } },
      { text: "Done." },
    ],
  },
];
