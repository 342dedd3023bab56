/** What a waiting sandbox does with its one run: `agent` starts Claude Code, `command` runs a program on the branch's tree. */
export type Launch =
  | {
      mode: "agent";
      branch: string;
      model: string;
      /** A UUID. Claude Code refuses one that it knows already, unless it resumes it. */
      sessionId: string;
      resume: boolean;
      stopSeconds?: number;
    }
  | { mode: "command"; branch: string; argv: readonly string[]; stopSeconds?: number };

/** The first line that goes to the sandbox's stdin, line feed included. It holds no secret: whatever is in it, the agent may read. */
export function printLaunch(launch: Launch): string {
  const agent = launch.mode === "agent" ? { model: launch.model, sessionId: launch.sessionId, resume: launch.resume } : {};
  const command = launch.mode === "command" ? { model: "", sessionId: "", resume: false, argv: launch.argv } : {};
  const stop = launch.stopSeconds === undefined ? {} : { stopSeconds: launch.stopSeconds };
  return `${JSON.stringify({ airlock: "launch", mode: launch.mode, branch: launch.branch, ...agent, ...command, ...stop })}\n`;
}

/** One message of the user, as Claude Code's stream-json input takes it (its shape is known only from the SDK, hence the pinned CLI). */
export function printUserMessage(text: string): string {
  return `${JSON.stringify({ type: "user", message: { role: "user", content: [{ type: "text", text: text.toWellFormed() }] } })}\n`;
}

/** Asks the agent to stop what it is doing; the conversation stays open. */
export function printInterrupt(requestId: string): string {
  return `${JSON.stringify({ type: "control_request", request_id: requestId, request: { subtype: "interrupt" } })}\n`;
}

/** The engine never closes the sandbox's stdin, so its entrypoint waits for this very line. */
export const endOfInput = `${JSON.stringify({ airlock: "end-of-input" })}\n`;
