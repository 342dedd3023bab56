import type { IncomingMessage, ServerResponse } from "node:http";
import { formsOf } from "../../secret/forms.ts";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import { composeAnswerHeaders } from "./headers.ts";
import { createScrubber } from "./scrub.ts";

const longestErrorBytes = 65_536;

/** An answer that is no success: short, so it is read whole, scrubbed and judged before anything of it is passed on. */
export async function relayError(
  answer: IncomingMessage,
  to: { response: ServerResponse; outcome: Outcome; secret: string; status: number },
): Promise<void> {
  const { response, outcome, secret, status } = to;
  const scrubber = createScrubber(formsOf(secret));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= longestErrorBytes) chunks.push(chunk);
    else break;
  }
  const body = Buffer.concat([scrubber.push(Buffer.concat(chunks)), scrubber.flush()]);
  if (status >= 300 && status < 400) {
    Object.assign(outcome, { verdict: "refused", rule: "model.redirect-refused" });
    const why = "the model API redirected, and redirects are not followed";
    outcome.bytesOut += answerRefusal(response, {
      status: 502,
      rule: outcome.rule,
      why,
      grant: "The operator sets ANTHROPIC_BASE_URL to the final address",
      close: false,
    });
    return;
  }
  if (isKeyRefusal(status, body)) {
    Object.assign(outcome, { verdict: "refused", rule: "model.key-refused" });
    // 403 and not 401, which the agent would repeat for minutes.
    outcome.bytesOut += answerRefusal(response, {
      status: 403,
      rule: outcome.rule,
      why: `the model API does not accept the key that Airlock was given (it answered ${status})`,
      grant: "The operator sets a valid ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN",
      close: false,
    });
    return;
  }
  const headers = composeAnswerHeaders(answer.headers, secret);
  response.writeHead(status, { ...headers, "content-length": body.length });
  response.end(body);
  outcome.bytesOut += body.length;
}

/** 401 always; 403 where the API says that the key may not. Other 403s are the agent's to read. */
export function isKeyRefusal(status: number, body: Buffer): boolean {
  if (status === 401) return true;
  if (status !== 403) return false;
  try {
    const type = (JSON.parse(body.toString("utf8")) as { error?: { type?: unknown } } | null)?.error?.type;
    return type === "authentication_error" || type === "permission_error";
  } catch {
    return false;
  }
}
