import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { findUnansweredTool, isSideRequest, type MessagesRequest, messagesRequest, readConversation } from "./conversation.ts";
import { type Answer, decideAnswer } from "./decide.ts";
import { errorTypeOf, printError, printEvents, printMessage } from "./print.ts";
import { digest } from "./requests.ts";
import type { Scenario } from "./scenario.ts";

const mostPlaces = 10_000;

/** `POST /v1/messages` once the key was right. It keeps nothing of a conversation but how often it was refused at its present place. */
export function createMessagesEndpoint(options: { key: () => string; scenario: () => Scenario }) {
  const triesByPlace = new Map<string, number>();

  function decide(request: MessagesRequest): Answer {
    const conversation = readConversation(request.messages);
    const hasOrder = conversation.order !== undefined && request.tools !== undefined;
    if (isSideRequest(request) && !hasOrder) return { do: "say", text: sideAnswer(request), delayMs: 0 };
    // `metadata.user_id` names the session; without it the first message has to do.
    const session = request.metadata?.user_id ?? JSON.stringify(request.messages[0]);
    const place = digest(JSON.stringify([session, conversation.answered, options.scenario()]));
    const tries = triesByPlace.get(place) ?? 0;
    const answer = decideAnswer({ conversation, scenario: options.scenario(), tries });
    if (answer.do !== "say") triesByPlace.set(place, tries + 1);
    const oldest = triesByPlace.keys().next().value;
    if (triesByPlace.size > mostPlaces && oldest !== undefined) triesByPlace.delete(oldest);
    return answer;
  }

  return {
    read(body: Buffer): { request: MessagesRequest } | { problem: string } {
      let value: unknown;
      try {
        value = JSON.parse(body.toString("utf8"));
      } catch {
        return { problem: "The request body is not valid JSON" };
      }
      const parsed = messagesRequest.safeParse(value);
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return { problem: `${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "invalid"}` };
      }
      const missing = findUnansweredTool(parsed.data.messages);
      if (missing)
        return { problem: `messages: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing}` };
      return { request: parsed.data };
    },

    /** Rejects when `signal` or the caller's going away ends a wait. */
    async answer(asked: {
      request: MessagesRequest;
      bodyBytes: number;
      response: ServerResponse;
      requestId: string;
      signal: AbortSignal;
    }): Promise<void> {
      const { request, response, requestId } = asked;
      const answer = decide(request);
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      if (answer.delayMs > 0) await wait(answer.delayMs, undefined, { signal: AbortSignal.any([asked.signal, gone.signal]) });
      const envelope = {
        messageId: `msg_${randomBytes(12).toString("hex")}`,
        toolId: `toolu_${randomBytes(12).toString("hex")}`,
        model: request.model,
        inputTokens: Math.ceil(asked.bodyBytes / 4),
        maxTokens: request.max_tokens,
      };
      if (answer.do === "fail") {
        const message =
          (answer.error.message ?? "The scenario asked for this failure") +
          (answer.error.echoKey ? ` (key ${options.key()})` : "");
        response.writeHead(answer.error.status, { ...answer.error.headers, "content-type": "application/json" });
        response.end(
          JSON.stringify(printError({ type: answer.error.type ?? errorTypeOf(answer.error.status), message, requestId })),
        );
      } else if (answer.do === "cut") {
        const events = printEvents(
          { do: "say", text: "This answer will never be whole, because the scenario cuts it.", delayMs: 0 },
          envelope,
        );
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
        response.write(printStream(events.slice(0, 4)), () => response.destroy());
      } else if (request.stream) {
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
        // One write an event: a reader has to cope with answers that come in pieces.
        for (const event of printEvents(answer, envelope)) response.write(printStream([event]));
        response.end();
      } else {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(printMessage(answer, envelope)));
      }
    },
  };
}

function printStream(events: readonly { type: string }[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

// A title is asked for as JSON of a given shape; everything else takes any words.
function sideAnswer(request: MessagesRequest): string {
  return request.output_config?.format === undefined ? "OK" : JSON.stringify({ title: "Local model" });
}
