import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { until } from "./until.ts";

export interface Ended {
  code: number | undefined;
  out: string;
  err: string;
}

export interface RunningCommand {
  /** What it printed so far. */
  out(): string;
  err(): string;
  /** The first line on stdout, as JSON. Throws where the command ends before. */
  // biome-ignore lint/suspicious/noExplicitAny: each command's own shape
  told(): Promise<any>;
  signal(name: NodeJS.Signals): void;
  ended(): Promise<Ended>;
}

/** Airlock's own command line as processes of their own, in a folder that holds nothing else. */
export interface CommandFrame extends AsyncDisposable {
  /** Working folder; temporary folders are made in it too. */
  folder: string;
  start(args: string[], env?: Record<string, string>): RunningCommand;
  run(args: string[], env?: Record<string, string>): Promise<Ended>;
  /** What lies in the folder, without node's own caches. */
  left(): Promise<string[]>;
}

const script = join(import.meta.dirname, "../../src/airlock.ts");

export async function openCommandFrame(): Promise<CommandFrame> {
  const folder = await mkdtemp(join(tmpdir(), "ac-"));
  // Airlock's own accounts pass through it.
  await chmod(folder, 0o711);
  const living = new Set<RunningCommand>();

  const start: CommandFrame["start"] = (args, env = {}) => {
    const { PATH = "", HOME = "" } = process.env;
    const child = execa(process.execPath, [script, ...args], {
      ...{ cwd: folder, extendEnv: false, env: { PATH, HOME, TMPDIR: folder, NO_COLOR: "1", ...env } },
      ...{ stdin: "ignore", reject: false, buffer: false },
    });
    const seen = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      seen.out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      seen.err += text;
    });
    const end = child.then(({ exitCode }) => {
      living.delete(command);
      return { code: exitCode, ...seen };
    });
    const command: RunningCommand = {
      out: () => seen.out,
      err: () => seen.err,
      async told() {
        const line = await until("the command's first line", async () => {
          if (!living.has(command) && !seen.out.includes("\n")) throw new Error(`it ended before it told: ${seen.err}`);
          return seen.out.includes("\n") && seen.out.split("\n", 1)[0];
        });
        return JSON.parse(line);
      },
      signal: (name) => void child.kill(name),
      ended: () => end,
    };
    living.add(command);
    return command;
  };
  return {
    ...{ folder, start },
    run: (args, env) => start(args, env).ended(),
    left: async () => (await readdir(folder)).filter((name) => !name.includes("compile-cache")),
    async [Symbol.asyncDispose]() {
      for (const command of living) command.signal("SIGTERM");
      await Promise.all([...living].map((command) => command.ended()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Settings with which `start` would run, were the rest there. */
export function completeSettings(dataFolder: string): Record<string, string> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return {
    APP_ID: "1",
    PRIVATE_KEY: privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
    WEBHOOK_SECRET: "a-secret-of-the-tests",
    AIRLOCK_ACCOUNTS: "acme",
    ANTHROPIC_API_KEY: "sk-of-the-tests",
    AIRLOCK_DATA: dataFolder,
    PORT: "0",
    // How full this machine's disk is has nothing to do with what is tested.
    AIRLOCK_DISK_BOUND: "none",
  };
}

/** What a command with --json told on stderr as its last words. */
export function faultOf(err: string): { code: string; message: string; remedy: string } {
  return JSON.parse(err.trim().split("\n").at(-1) ?? "").error;
}
