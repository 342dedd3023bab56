import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "../../privilege/control-server.ts";
import type { Framing } from "../framing-watch.ts";
import type { Outcome } from "../outcome.ts";
import { answerRefusal } from "../refusal.ts";
import { parseStrictJson } from "../strict-json.ts";
import { execute, FieldRefused } from "./execute.ts";
import { findNode, repositoryNode } from "./nodes.ts";
import { isLogHost, parseApiPath, scrubAnswer } from "./paths.ts";
import { parseQuery } from "./query.ts";
import type { ApiUpstream } from "./upstream.ts";

/** How the gateway reads one run's repository. In memory only. */
export interface Reader {
  /** As GitHub spells them. */
  owner: string;
  name: string;
  token: string;
}

export interface ApiCall {
  request: IncomingMessage;
  framing: Framing;
  response: ServerResponse;
  target: string;
  reader: Reader | undefined;
  upstream: ApiUpstream;
  outcome: Outcome;
}

const answerLimitBytes = 32 * 1024 * 1024;
/** Calls that one query may cause. */
const mostReads = 40;

/** GitHub's API as a run sees it: reads of its own repository. GraphQL is answered here, out of REST: no query leaves. */
export async function serveApi(call: ApiCall): Promise<void> {
  const { reader, request } = call;
  if (!reader) return refuse(call, { status: 403, rule: "api.no-token", why: "this run has no token to read GitHub with" });
  const target = call.target.replace(/^\/api(?=\/)/, "").replace(/^\/v3(?=\/)/, "");
  if (request.method === "POST") return serveQuery(call, reader);
  const prefix = `/repos/${reader.owner}/${reader.name}`;
  const path = target.slice(prefix.length);
  const own = target.startsWith(prefix) && /^(?:$|[/?])/.test(path);
  if (!own)
    return refuse(call, { status: 403, rule: "api.other", why: `only ${reader.owner}/${reader.name} is read here, by REST` });
  const wanted = parseApiPath(`${reader.owner}/${reader.name}`, path);
  if (!wanted)
    return refuse(call, { status: 403, rule: "api.path", why: `${target.slice(0, 200)} is not among what a run may read` });
  const diff = /^application\/vnd\.github\.(?:v3\.)?diff$/.test(request.headers.accept ?? "");
  const accept = diff ? "application/vnd.github.diff" : "application/vnd.github+json";
  let answer = await call.upstream.get({ path: wanted.path, accept, token: reader.token, limitBytes: answerLimitBytes });
  if (wanted.redirected && answer.location) {
    const to = URL.parse(answer.location);
    if (!to || !isLogHost(to, call.upstream.apiUrl))
      return refuse(call, {
        status: 502,
        rule: "api.redirect",
        why: "GitHub's log lies on a host that is not known to be its own",
      });
    // Without the token: the address is signed.
    answer = await call.upstream.get({ url: to, accept: "*/*", limitBytes: answerLimitBytes });
  }
  if (answer.at !== "answered" || (answer.status >= 300 && answer.status < 400)) return away(call, answer.at);
  const text = /^(?:application\/json|text\/|application\/vnd\.github)/.test(answer.contentType);
  const body = text ? Buffer.from(scrubAnswer(answer.body.toString("utf8"), reader.token)) : answer.body;
  give(call, { status: answer.status, contentType: answer.contentType, body });
}

async function serveQuery(call: ApiCall, reader: Reader): Promise<void> {
  const { outcome, request } = call;
  const refuseQuery = (why: string) => refuse(call, { status: 403, rule: "api.query", why });
  const body = await readBody(request, 65_536).catch(() => undefined);
  outcome.bytesIn = body?.length ?? 0;
  const odd = call.framing.fault();
  if (odd) return refuse(call, { status: 400, ...odd });
  const json = body && parseStrictJson(body);
  const { query, variables } = readAsked(json?.ok ? json.value : undefined);
  const parsed = typeof query === "string" ? parseQuery(query) : undefined;
  if (!parsed) return refuseQuery("only one plain query of GraphQL is answered here");
  let reads = 0;
  const read = async (below: string) => {
    const wanted = parseApiPath(`${reader.owner}/${reader.name}`, below);
    if (!wanted || ++reads > mostReads) throw new FieldRefused(below.slice(0, 80));
    const at = { path: wanted.path, accept: "application/vnd.github+json", token: reader.token, limitBytes: answerLimitBytes };
    const answer = await call.upstream.get(at);
    if (answer.at !== "answered" || (answer.status !== 200 && answer.status !== 404)) throw new NotRead(answer.at);
    return answer.status === 200 ? (JSON.parse(answer.body.toString("utf8")) as unknown) : undefined;
  };
  const root = {
    __typename: "Query",
    repository: ({ owner, name }: Readonly<Record<string, unknown>>) => {
      if (owner !== reader.owner || name !== reader.name) throw new FieldRefused(`repository of ${String(owner).slice(0, 60)}`);
      return repositoryNode(read, reader);
    },
    node: ({ id }: Readonly<Record<string, unknown>>) => findNode(read, id),
  };
  try {
    const data = await execute(parsed, root, variables);
    const text = scrubAnswer(JSON.stringify({ data }), reader.token);
    give(call, { status: 200, contentType: "application/json; charset=utf-8", body: Buffer.from(text) });
  } catch (error) {
    if (error instanceof FieldRefused) return refuseQuery(error.message);
    if (error instanceof NotRead) return away(call, error.at);
    throw error;
  }
}

/** Any JSON may come, and null is an object to JavaScript. */
function readAsked(value: unknown): { query: unknown; variables: Record<string, unknown> } {
  const recordOf = (one: unknown) => (typeof one === "object" && one !== null ? (one as Record<string, unknown>) : {});
  const { query, variables } = recordOf(value);
  return { query, variables: recordOf(variables) };
}

class NotRead extends Error {
  readonly at: "answered" | "away" | "too-large";
  constructor(at: "answered" | "away" | "too-large") {
    super("GitHub was not read");
    this.at = at;
  }
}

function give({ request, response, outcome }: ApiCall, what: { status: number; contentType: string; body: Buffer }): void {
  if (response.destroyed) return;
  response.writeHead(what.status, { "content-type": what.contentType, "content-length": what.body.length });
  const body = request.method === "HEAD" ? undefined : what.body;
  outcome.bytesOut += body?.length ?? 0;
  response.end(body);
}

function away(call: ApiCall, at: "answered" | "away" | "too-large"): void {
  call.outcome.rule = at === "too-large" ? "api.too-large" : "api.away";
  if (at === "too-large") call.outcome.verdict = "refused";
  const why = at === "too-large" ? "GitHub's answer is larger than Airlock takes" : "GitHub did not answer as it should";
  const told = { status: 502, rule: call.outcome.rule, why, grant: "Try again later", close: false };
  if (!call.response.destroyed) call.outcome.bytesOut += answerRefusal(call.response, told);
}

function refuse(call: ApiCall, told: { status: number; rule: string; why: string }): void {
  call.outcome.verdict = "refused";
  call.outcome.rule = told.rule;
  if (!call.response.destroyed) call.outcome.bytesOut += answerRefusal(call.response, { ...told, close: false });
}
