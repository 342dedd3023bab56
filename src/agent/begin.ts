import type { Engine } from "../sandbox/engine.ts";
import { endOfInput, printLaunch } from "../sandbox/launch.ts";
import { attachInput, followOutput } from "../sandbox/output.ts";
import type { SandboxHandle } from "../sandbox/sandboxes.ts";
import { printUserMessage } from "./launch.ts";

/** How long the agent may take after SIGTERM; the entrypoint then commits and pushes what is there. */
export const stopSeconds = 5;

/** Hands the verified sandbox its one job: the launch line, the prompt, and that nothing more will come. */
export async function beginAgent(
  engine: Engine,
  handle: SandboxHandle,
  job: { branch: string; model: string; sessionId: string; prompt: string },
): Promise<void> {
  const input = await attachInput(engine, handle);
  const launch = printLaunch({
    mode: "agent",
    branch: job.branch,
    model: job.model,
    sessionId: job.sessionId,
    resume: false,
    stopSeconds,
  });
  await new Promise<void>((resolve, reject) => {
    input.once("error", reject);
    input.write(launch + printUserMessage(job.prompt) + endOfInput, (error) => (error ? reject(error) : resolve()));
  });
  input.end();
}

/** Whether the sandbox has said anything after its probe: then it heard the launch line, and must not be told a second time. */
export async function wasHeard(engine: Engine, handle: SandboxHandle, withinMs: number): Promise<boolean> {
  let lines = 0;
  for await (const _ of followOutput(engine, handle, { signal: AbortSignal.timeout(withinMs) })) if (++lines > 1) return true;
  return false;
}
