/** ◆ What a body of the Messages API may ask the far end to do: think, and nothing else. */

export interface ModelPolicy {
  /** Exact names; absent: every model. */
  allowedModels?: readonly string[];
}

export type BodyDecision = { allowed: true } | { allowed: false; rule: string; why: string };

export function decideBody(body: unknown, policy: ModelPolicy): BodyDecision {
  if (!isRecord(body)) return refuse("model.body", "the body is not an object");
  const { model } = body;
  if (policy.allowedModels && !(typeof model === "string" && policy.allowedModels.includes(model))) {
    return refuse("model.not-allowed", `the model ${JSON.stringify(model)?.slice(0, 100)} is not among those allowed`);
  }
  for (const field of ["mcp_servers", "container"]) {
    if (body[field] !== undefined && body[field] !== null && !isEmptyList(body[field])) {
      return refuse("model.remote-field", `${field} makes the far end connect or run something`);
    }
  }
  const tools = body.tools ?? [];
  if (!Array.isArray(tools)) return refuse("model.body", "tools is not a list");
  for (const tool of tools) {
    const type = isRecord(tool) ? tool.type : null;
    // A tool of ours has no type, or "custom": every other type names something that runs at the far end.
    if (type !== undefined && type !== "custom")
      return refuse("model.server-tool", `the tool type ${JSON.stringify(type)?.slice(0, 100)} runs at the far end`);
  }
  const source = findRemoteSource([body.messages, body.system]);
  return source === undefined
    ? { allowed: true }
    : refuse("model.remote-source", `a ${source} source makes the far end fetch or open something`);
}

/** Looks for `source: {type: "url" | "file"}` at any depth, since blocks nest within tool results. */
function findRemoteSource(root: unknown): string | undefined {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) open.push(...value);
    else if (isRecord(value)) {
      // The arguments of a tool call are data of the agent's own, and may have any shape.
      const inner = value.type === "tool_use" ? { ...value, input: undefined } : value;
      const { source } = inner;
      if (isRecord(source) && (source.type === "url" || source.type === "file")) return source.type;
      if (inner.type === "container_upload") return "container_upload";
      open.push(...Object.values(inner));
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function refuse(rule: string, why: string): BodyDecision {
  return { allowed: false, rule, why };
}
