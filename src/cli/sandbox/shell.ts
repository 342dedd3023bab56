import type { Duplex } from "node:stream";
import { z } from "zod";
import { exitCodes, Fault } from "../../fault.ts";
import { openEngine } from "../../sandbox/engine.ts";
import { childEnvironment } from "../../settings.ts";
import { awaitStop } from "../await-stop.ts";
import type { Terminal } from "../terminal.ts";
import { openTrial, printRecorded, repositoryOf } from "./trial.ts";

const shape = z.strictObject({
  mode: z.enum(["sealed", "firewalled"], { error: "--mode is sealed or firewalled" }),
  repo: z.string().optional(),
  data: z.string().optional(),
  local: z.boolean().default(false),
});

/** A shell where the agent would work. What is typed goes to it byte for byte; it ends with `exit`. */
export async function shell(given: unknown, terminal: Terminal): Promise<number> {
  const parsed = shape.safeParse(given);
  if (!parsed.success)
    throw new Fault("usage.sandbox", z.prettifyError(parsed.error), { remedy: "See ./airlock sandbox shell --help" });
  const { mode, repo, data, local } = parsed.data;
  const { stdin, stdout } = process;
  const stop = awaitStop();
  const size = { rows: stdout.rows || 24, columns: stdout.columns || 80 };
  const wish = (of: { local: boolean }) => ({ do: "shell", mode, repository: repositoryOf(repo, of), ...size }) as const;
  let exitCode: number = exitCodes.failed;
  await using undo = new AsyncDisposableStack();
  for await (const event of openTrial({ data, local }, wish, stop.signal)) {
    if (event.is === "ended") exitCode = event.exitCode;
    if (event.is === "record") terminal.err(printRecorded(event.row));
    if (event.is !== "attach") continue;
    const { DOCKER_HOST } = childEnvironment();
    const engine = await openEngine(DOCKER_HOST === undefined ? {} : { dockerHost: DOCKER_HOST });
    const container = engine.docker.getContainer(event.containerId);
    const stream = (await container.attach({
      logs: true,
      stream: true,
      stdin: true,
      stdout: true,
      stderr: true,
      hijack: true,
    })) as Duplex;
    undo.defer(() => void stream.destroy());
    stream.on("error", () => {});
    engine.docker.modem.demuxStream(stream, withoutOurs(stdout), process.stderr);
    if (stdin.isTTY) stdin.setRawMode(true);
    undo.defer(() => {
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    });
    // Not piped: the end of our input is not the end of the shell, `exit` is.
    stdin.on("data", (chunk) => stream.write(chunk));
    // A script's end means that nothing more is typed: the terminal's own sign for it.
    stdin.on("end", () => stream.write("\u0004"));
  }
  return exitCode;
}

/** The entrypoint's own lines come between the launch and the shell, and after it. */
function withoutOurs(to: NodeJS.WritableStream): NodeJS.WritableStream {
  const original = to.write.bind(to);
  return new Proxy(to, {
    get: (target, name) =>
      name === "write"
        ? (chunk: Buffer) => original(chunk.toString("latin1").startsWith('{"airlock":') ? Buffer.alloc(0) : chunk)
        : Reflect.get(target, name),
  });
}
