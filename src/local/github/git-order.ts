import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { GitAnswer, GitOrder } from "./git-runner.ts";

interface Runner {
  child: ChildProcess;
  waiting: Map<number, { resolve(answer: GitAnswer): void; reject(error: Error): void }>;
}

let runner: Runner | undefined;
let lastId = 0;

/** Has git started by the runner, one for this whole process, which is there from the first order on. Throws only if the runner died. */
export function orderGit(order: Omit<GitOrder, "id">): Promise<GitAnswer> {
  runner ??= startRunner();
  const { child, waiting } = runner;
  lastId += 1;
  const id = lastId;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    child.channel?.ref();
    child.send({ id, ...order } satisfies GitOrder, (error) => {
      if (!error) return;
      waiting.delete(id);
      reject(error);
    });
  });
}

function startRunner(): Runner {
  const child = fork(fileURLToPath(new URL("./git-runner.ts", import.meta.url)), [], {
    // None of this process's: a test's loader has no place there.
    execArgv: [],
    env: {},
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const started: Runner = { child, waiting: new Map() };
  // Neither runner nor channel keeps this process from ending while no order is out.
  child.unref();
  child.channel?.unref();
  child.on("message", (answer: GitAnswer) => {
    started.waiting.get(answer.id)?.resolve(answer);
    started.waiting.delete(answer.id);
    if (started.waiting.size === 0) child.channel?.unref();
  });
  const dead = () => {
    if (runner === started) runner = undefined;
    for (const { reject } of started.waiting.values()) reject(new Error("The process that starts git for the local GitHub died"));
    started.waiting.clear();
  };
  child.on("exit", dead);
  child.on("error", dead);
  return started;
}
