import { execa } from "execa";

/** One git process to start. The environment is all that it gets. */
export interface GitOrder {
  id: number;
  args: string[];
  env: Record<string, string>;
  input?: string | Uint8Array;
}

export interface GitAnswer {
  id: number;
  /** Undefined where git ended by a signal or did not start. */
  exitCode: number | undefined;
  stdout: Uint8Array;
  stderr: string;
}

/** The small process that starts git for a large one: to fork a process of a gigabyte costs some twenty milliseconds in which it does
 *  nothing else. Ends with the channel, and so with whoever asked. */
process.on("message", (order: GitOrder) => {
  const options = order.input === undefined ? { stdin: "ignore" as const } : { input: order.input };
  execa("git", order.args, {
    env: order.env,
    extendEnv: false,
    encoding: "buffer",
    stripFinalNewline: false,
    maxBuffer: 500_000_000,
    reject: false,
    ...options,
  }).then((done) => {
    const answer: GitAnswer = {
      id: order.id,
      exitCode: done.exitCode,
      stdout: done.stdout,
      stderr: Buffer.from(done.stderr).toString("utf8"),
    };
    if (process.connected) process.send?.(answer);
  });
});
process.on("disconnect", () => process.exit(0));
