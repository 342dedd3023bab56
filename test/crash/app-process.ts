import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

const root = join(import.meta.dirname, "../..");

export interface AppProcess {
  /** Starts it; resolves when it says that it is ready, or when it was killed before. */
  start(): Promise<"ready" | "killed">;
  /** SIGKILL, and its end. */
  kill(): Promise<void>;
  /** SIGSTOP, and SIGCONT: it stalls, and comes back. */
  stall(): void;
  wake(): void;
  /** SIGTERM, and its end. Throws where it does not end well. */
  stop(): Promise<void>;
  isUp(): boolean;
}

/** `airlock start` as a process of its own, with the given environment and nothing else. `log`: the file that its lines go to. */
export function createAppProcess(env: Record<string, string>, log: string, options: readonly string[] = []): AppProcess {
  let child:
    | {
        kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
        ended: Promise<{ exitCode?: number; signal?: string }>;
      }
    | undefined;
  let killed = false;
  const out = createWriteStream(log, { flags: "a" });
  return {
    stall: () => child?.kill("SIGSTOP"),
    wake: () => child?.kill("SIGCONT"),
    isUp: () => child !== undefined,
    async start() {
      killed = false;
      const args = ["--disable-warning=ExperimentalWarning", join(root, "src/airlock.ts"), "start", "--json", ...options];
      const started = execa(process.execPath, args, {
        ...{ env, extendEnv: false, cwd: root, stdin: "ignore", reject: false, buffer: false },
        stdout: "pipe",
        stderr: "pipe",
      });
      child = { kill: (signal) => void started.kill(signal), ended: started };
      started.stderr?.pipe(out, { end: false });
      const ready = await new Promise<boolean>((resolve) => {
        started.stdout?.on("data", () => resolve(true));
        void started.then(() => resolve(false));
      });
      if (!ready && !killed) throw new Error(`the App did not start: ${await lastWords(log)}`);
      return ready ? "ready" : "killed";
    },
    async kill() {
      killed = true;
      child?.kill("SIGKILL");
      await child?.ended;
      child = undefined;
    },
    async stop() {
      killed = true;
      child?.kill("SIGTERM");
      const ended = await child?.ended;
      child = undefined;
      if (ended && ended.exitCode !== 0) throw new Error(`the App ended with ${ended.exitCode ?? ended.signal}: see ${log}`);
      out.end();
    },
  };
}

/** The folder of the log goes with the test: what it ended with is told here. */
async function lastWords(log: string): Promise<string> {
  return (await readFile(log, "utf8")).trim().split("\n").slice(-3).join("\n");
}
