import type { Engine } from "../sandbox/engine.ts";
import { endOfInput, printLaunch } from "../sandbox/launch.ts";
import { attachInput, followOutput } from "../sandbox/output.ts";
import type { SandboxHandle } from "../sandbox/sandboxes.ts";
import { printUserMessage } from "./launch.ts";

/** How long the agent may take after SIGTERM; the entrypoint then commits and pushes what is there. */
export const stopSeconds = 5;

/** Hands the verified sandbox its job: the launch line and the prompt. Its input stays open, so that it can be spoken to. */
export async function beginAgent(
  engine: Engine,
  handle: SandboxHandle,
  job: { branch: string; model: string; sessionId: string; prompt: string; resume: boolean },
): Promise<void> {
  const launch = printLaunch({
    mode: "agent",
    branch: job.branch,
    model: job.model,
    sessionId: job.sessionId,
    resume: job.resume,
    stopSeconds,
  });
  await send(engine, handle, launch + printUserMessage(job.prompt));
}

/** One more message to an agent at work. It is read with the next result of a tool. */
export async function tellAgent(engine: Engine, handle: SandboxHandle, words: string): Promise<void> {
  await send(engine, handle, printUserMessage(words));
}

/** Nothing more will come: the agent ends when it has done what it has. A second time changes nothing. */
export async function endInput(engine: Engine, handle: SandboxHandle): Promise<void> {
  await send(engine, handle, endOfInput);
}

async function send(engine: Engine, handle: SandboxHandle, lines: string): Promise<void> {
  const input = await attachInput(engine, handle);
  await new Promise<void>((resolve, reject) => {
    input.once("error", reject);
    input.write(lines, (error) => (error ? reject(error) : resolve()));
  });
  input.end();
}

/** Whether the sandbox has said anything after its probe: then it heard the launch line, and must not be told a second time. */
export async function wasHeard(engine: Engine, handle: SandboxHandle, withinMs: number): Promise<boolean> {
  let lines = 0;
  for await (const _ of followOutput(engine, handle, { signal: AbortSignal.timeout(withinMs) })) if (++lines > 1) return true;
  return false;
}
