import { createHash } from "node:crypto";
import type { Pace } from "../run/pace.ts";
import type { AgentLine, AgentPart } from "./lines.ts";

/** ◆ What the agent's lines so far say of its going on. Small, whatever it prints. */
export interface Pulse {
  /** When its last line came, by the engine's clock. Epoch milliseconds; 0 before the first. */
  lastAtMs: number;
  /** Calls that have not answered yet, and until when each may well take. */
  open: readonly { id: string; untilMs: number }[];
  /** The newest call of each conversation (a subagent has one of its own), and when it was made without another between. */
  rows: readonly { of: string; call: string; tool: string; atMs: readonly number[] }[];
  /** Subagents and commands that work in the background. */
  tasks: number;
  /** Its turn is over: it waits for the next message. */
  answered: boolean;
}

export const firstPulse: Pulse = { lastAtMs: 0, open: [], rows: [], tasks: 0, answered: false };

const most = { open: 200, rows: 50, times: 200 } as const;

/** Claude Code's own, where a call names none. What one may name at most: an agent must not vouch for its own silence for hours. */
const callMs = { usual: 120_000, most: 3_600_000 } as const;

/** They wait for something, again and again with the same input, and do so rightly. */
const waiting = new Set(["TaskOutput", "BashOutput", "Monitor"]);

/** The next pulse. `line`: undefined for a line that is not the agent's own, which is a sign of life all the same. */
export function beat(pulse: Pulse, line: AgentLine | undefined, atMs: number): Pulse {
  const next = { ...pulse, lastAtMs: Math.max(pulse.lastAtMs, atMs) };
  if (line === undefined) return next;
  const of = line.parent_tool_use_id ?? "";
  switch (line.type) {
    case "assistant":
      return partsOf(line.message.content).reduce((now, part) => (part.type === "tool_use" ? call(now, of, part, atMs) : now), {
        ...next,
        answered: of === "" ? false : next.answered,
      });
    case "user": {
      const ids = partsOf(line.message.content).flatMap((part) => (part.type === "tool_result" ? [part.tool_use_id] : []));
      return { ...next, open: next.open.filter(({ id }) => !ids.includes(id)), answered: of === "" ? false : next.answered };
    }
    case "system":
      if (line.subtype === "init") return { ...next, answered: false };
      if (line.subtype === "background_tasks_changed") return { ...next, tasks: line.tasks?.length ?? 0 };
      return next;
    case "result":
      // What was interrupted never answers.
      return { ...next, answered: true, open: [] };
    default:
      return next;
  }
}

/** For decisions. `startedAtMs`: when it was launched, from which on it is waited for. */
export function paceOf(pulse: Pulse, at: { startedAtMs: number; deaf: boolean }): Pace {
  return {
    activeUntilMs: Math.max(at.startedAtMs, pulse.lastAtMs, ...pulse.open.map(({ untilMs }) => untilMs)),
    repeated: pulse.rows,
    deaf: at.deaf,
  };
}

/** How long background work is waited for after the agent's answer. Claude Code goes on with it also when its input is ended. */
const graceMs = 60_000;

/**
 * True where nothing more is to be said to the agent, so that it can end: it has answered, and nothing of it works in the background,
 * or has not been heard of for a while. A first answer may come while a subagent still works, and then a second one does.
 */
export function isInputDue(pulse: Pulse, nowMs: number): boolean {
  return pulse.answered && (pulse.tasks === 0 || nowMs - pulse.lastAtMs >= graceMs);
}

function call(pulse: Pulse, of: string, part: AgentPart, atMs: number): Pulse {
  const { id = "", name = "unnamed", input } = part;
  if (waiting.has(name)) return pulse;
  const digest = createHash("sha256")
    .update(`${name}\n${JSON.stringify(input)}`)
    .digest("hex")
    .slice(0, 16);
  const row = pulse.rows.find((each) => each.of === of && each.call === digest);
  const others = pulse.rows.filter((each) => each.of !== of).slice(-most.rows);
  return {
    ...pulse,
    rows: [...others, { of, call: digest, tool: name.slice(0, 80), atMs: [...(row?.atMs ?? []), atMs].slice(-most.times) }],
    open: [...pulse.open, { id, untilMs: atMs + spanOf(input) }].slice(-most.open),
  };
}

function spanOf(input: unknown): number {
  const asked = typeof input === "object" && input !== null && "timeout" in input ? input.timeout : undefined;
  return typeof asked === "number" && asked >= 0 ? Math.min(asked, callMs.most) : callMs.usual;
}

function partsOf(content: string | AgentPart[]): AgentPart[] {
  return typeof content === "string" ? [] : content;
}
