import { answerRefusal } from "../refusal.ts";
import { readHeaders } from "../strict.ts";
import { parseStrictJson } from "../strict-json.ts";
import { decideBetas } from "./betas.ts";
import type { ModelCall } from "./call.ts";
import { apiVersion, composeModelHeaders } from "./headers.ts";
import { decideBody } from "./policy.ts";

const longestBodyBytes = 32 * 1024 * 1024;
const bodyMs = 60_000;

/** Reads the body and holds it to the policy; undefined: it was refused and answered. */
export async function readChecked(
  call: ModelCall,
  kind: "messages" | "count",
): Promise<{ body: Record<string, unknown>; headers: Record<string, string> } | undefined> {
  const { request, response, outcome, upstream } = call;
  const refuse = (answer: { status: 400 | 403 | 408 | 413; rule: string; why: string; grant?: string }) => {
    // A framing that broke has said so already.
    if (outcome.verdict === "allowed") outcome.rule = answer.rule;
    outcome.verdict = "refused";
    if (!response.destroyed) outcome.bytesOut += answerRefusal(response, { ...answer, close: true });
    return undefined;
  };
  const headers = readHeaders(request.rawHeaders);
  if (headers.has("content-encoding"))
    return refuse({ status: 400, rule: "model.encoding", why: "a compressed body is not read" });
  const type = (headers.get("content-type")?.[0] ?? "").toLowerCase().replaceAll(" ", "");
  if (type !== "application/json" && type !== "application/json;charset=utf-8") {
    return refuse({ status: 400, rule: "model.content-type", why: "the content type must be application/json" });
  }
  const version = headers.get("anthropic-version")?.[0] ?? apiVersion;
  if (version !== apiVersion)
    return refuse({ status: 403, rule: "model.api-version", why: "this version of the API is not known here" });
  const betas = decideBetas(headers.get("anthropic-beta")?.[0]);
  if (!betas.allowed) return refuse({ status: 403, ...betas });
  const chunks: Buffer[] = [];
  const clock = setTimeout(() => request.destroy(), bodyMs);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      outcome.bytesIn += chunk.length;
      if (outcome.bytesIn > longestBodyBytes)
        return refuse({ status: 413, rule: "model.too-long", why: "the body is longer than 32 MiB" });
      chunks.push(chunk);
    }
  } catch {
    return refuse({ status: 408, rule: "model.cut-off", why: "the body did not arrive" });
  } finally {
    clearTimeout(clock);
  }
  const odd = call.framing.fault();
  if (odd) return refuse({ status: 400, ...odd });
  const json = parseStrictJson(Buffer.concat(chunks));
  if (!json.ok) return refuse({ status: 400, rule: "model.json", why: json.why });
  const decision = decideBody(json.value, call.policy, kind);
  if (!decision.allowed) return refuse({ status: 403, ...decision });
  if (betas.dropped.length > 0) outcome.rule = "model.beta-dropped";
  return {
    body: json.value as Record<string, unknown>,
    headers: composeModelHeaders({ request: headers, betas: betas.betas, credential: upstream.credential }),
  };
}
