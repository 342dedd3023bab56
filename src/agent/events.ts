import { createHash } from "node:crypto";
import { cutText, printPlain } from "../report/plain.ts";
import { type AgentLine, type AgentPart, type AirlockLine, parseLine, textOf } from "./lines.ts";

/** One thing to show of a run's conversation. For eyes only: outcome comes from git, the gateway and the exit state. */
export interface TranscriptEvent {
  /** The same for the same line of the log, however often it is read. */
  id: string;
  atMs: number;
  kind: "note" | "say" | "think" | "tool" | "tool-result" | "end" | "unknown";
  /** Plain text, at most 16,000 characters. */
  text: string;
  /** The tool's name, at most 80 characters; its input in short, at most 2,000. */
  tool?: string;
  input?: string;
  failed?: true;
  /** It was a subagent's. */
  nested?: true;
}

const limit = { text: 16_000, input: 2_000, name: 80, parts: 200 } as const;

/** `place`: what names this line within the log for good, such as the engine's nanosecond timestamp. `atMs`: when the engine got the line;
 *  times that the agent prints are its own words. Most lines give one event, some none or several. Never throws. */
export function parseEvents(seen: { line: string; place: string; atMs: number }): TranscriptEvent[] {
  const parsed = parseLine(seen.line);
  const stated = parsed.from === "agent" ? parsed.line.uuid : undefined;
  const id = stated !== undefined && /^[0-9a-f-]{36}$/.test(stated) ? stated : digestOf(seen);
  const found =
    parsed.from === "airlock"
      ? [ownNote(parsed.line)]
      : parsed.from === "agent"
        ? agentEvents(parsed.line)
        : seen.line.trim() === ""
          ? []
          : [{ kind: "unknown" as const, text: seen.line }];
  return found
    .slice(0, limit.parts)
    .map((event, index) => ({ ...bound(event), id: index === 0 ? id : `${id}.${index}`, atMs: seen.atMs }));
}

/** The agent's last word of its own: what a run without commits answers with. Undefined where it said nothing. */
export function findAnswer(events: readonly TranscriptEvent[]): string | undefined {
  const last = events.findLast(
    (event) => !event.nested && !event.failed && (event.kind === "end" || event.kind === "say") && event.text.trim() !== "",
  );
  return last?.text;
}

type Found = Omit<TranscriptEvent, "id" | "atMs">;

function ownNote({ airlock, ...facts }: AirlockLine): Found {
  // The page has a table of the checks; here their list would be a wall.
  if (airlock === "probe" && Array.isArray(facts.checks))
    return { kind: "note", text: `sandbox: looked at from inside, ${facts.checks.length} checks` };
  const words = Object.keys(facts).length === 0 ? "" : ` ${JSON.stringify(facts)}`;
  return { kind: "note", text: `sandbox: ${airlock}${words}`, ...(airlock === "failed" && { failed: true }) };
}

function agentEvents(line: AgentLine): Found[] {
  const nested = line.parent_tool_use_id ? { nested: true as const } : {};
  switch (line.type) {
    case "assistant":
      return partsOf(line.message.content).flatMap((part) => assistantPart(part).map((event) => ({ ...event, ...nested })));
    case "user":
      return partsOf(line.message.content).map((part) => ({ ...userPart(part), ...nested }));
    case "result": {
      const failed = line.is_error === true || (line.subtype ?? "success") !== "success";
      return [{ kind: "end", text: line.result ?? line.subtype ?? "", ...(failed && { failed }) }];
    }
    case "system":
      return systemNote(line).map((text) => ({ kind: "note", text, ...nested }));
    case "rate_limit_event":
      return rateNote(line).map((text) => ({ kind: "note", text }));
    // Pieces of an answer that comes whole a moment later.
    case "stream_event":
      return [];
  }
}

function assistantPart(part: AgentPart): Found[] {
  if (part.type === "text") return [{ kind: "say", text: part.text ?? "" }];
  if (part.type === "thinking") return part.thinking ? [{ kind: "think", text: part.thinking }] : [];
  if (part.type === "tool_use") return [{ kind: "tool", text: "", tool: part.name ?? "unnamed", input: shortInput(part.input) }];
  return [{ kind: "unknown", text: `[${part.type}]` }];
}

function userPart(part: AgentPart): Found {
  if (part.type === "tool_result")
    return { kind: "tool-result", text: textOf(part.content), ...(part.is_error && { failed: true }) };
  return { kind: "note", text: part.text ?? `[${part.type}]` };
}

function systemNote(line: Extract<AgentLine, { type: "system" }>): string[] {
  if (line.subtype === "init") return [`Claude Code is ready, model ${line.model ?? "unknown"}`];
  if (line.subtype === "api_retry") {
    const why = line.error_status ? `status ${line.error_status}` : "the connection broke";
    return [
      `The model API did not answer (${why}); try ${line.attempt ?? "?"} of ${line.max_retries ?? "?"} in ${Math.round(line.retry_delay_ms ?? 0)} ms`,
    ];
  }
  if (line.subtype === "task_started") return [`A subagent started: ${line.description ?? "no description"}`];
  // The rest is Claude Code's housekeeping (task lists, hooks, status lines).
  return [];
}

function rateNote(line: Extract<AgentLine, { type: "rate_limit_event" }>): string[] {
  const { status, resetsAt } = line.rate_limit_info ?? {};
  if (status === undefined || status === "allowed") return [];
  const date = resetsAt === undefined ? undefined : new Date(resetsAt * 1_000);
  const when = date && !Number.isNaN(date.getTime()) ? `, until ${date.toISOString()}` : "";
  return [`The provider limits this account's rate: ${status}${when}`];
}

/** What one wants to see of a tool call: the command, the file, the pattern; else the whole input as JSON. */
function shortInput(input: unknown): string {
  if (typeof input !== "object" || input === null) return "";
  const fields = input as Record<string, unknown>;
  for (const name of ["command", "file_path", "notebook_path", "pattern", "description", "url", "query"]) {
    if (typeof fields[name] === "string") return fields[name];
  }
  return JSON.stringify(input);
}

function partsOf(content: string | AgentPart[]): AgentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function bound(event: Found): Found {
  // Cut first: cleaning a line of megabytes only to throw most of it away would let the agent buy our time.
  const clean = (text: string, most: number) =>
    cutText(printPlain(text.length > most * 8 ? cutText(text, most * 8) : text), most);
  return {
    ...event,
    text: clean(event.text, limit.text),
    ...(event.tool !== undefined && { tool: clean(event.tool, limit.name) }),
    ...(event.input !== undefined && { input: clean(event.input, limit.input) }),
  };
}

function digestOf(seen: { line: string; place: string }): string {
  return createHash("sha256").update(`${seen.place}\n${seen.line}`).digest("hex").slice(0, 32);
}
