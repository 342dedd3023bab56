import { execa } from "execa";
import { Fault } from "../fault.ts";
import { Secret } from "../secret/secret.ts";
import type { Environment } from "./environment.ts";
import { parsePrivateKey } from "./private-key.ts";

/** Longest that a password manager may ask its owner. */
const commandMs = 60_000;

/**
 * The App's private key from wherever the operator keeps it: PRIVATE_KEY, PRIVATE_KEY_FILE or PRIVATE_KEY_PATH; the output of
 * AIRLOCK_KEY_COMMAND (a JSON list of program and arguments, run without a shell); the macOS keychain's item AIRLOCK_KEY_KEYCHAIN.
 * Read through a pipe and never written to disk. Undefined where none is named. Throws Fault "settings.NAME".
 */
export async function readAppKey(environment: Environment, env: Readonly<Record<string, string>>): Promise<Secret | undefined> {
  const named = environment.findSecret("PRIVATE_KEY", ["PRIVATE_KEY_PATH"]);
  if (named) return keyOf(named.name, named.text);
  const command = environment.find("AIRLOCK_KEY_COMMAND");
  if (command) return keyOf("AIRLOCK_KEY_COMMAND", await ask("AIRLOCK_KEY_COMMAND", parseCommand(command.text), env));
  const item = environment.find("AIRLOCK_KEY_KEYCHAIN");
  if (item)
    return keyOf(
      "AIRLOCK_KEY_KEYCHAIN",
      await ask("AIRLOCK_KEY_KEYCHAIN", ["security", "find-generic-password", "-w", "-s", item.text], env),
    );
  return undefined;
}

function keyOf(name: string, text: string): Secret {
  const pem = parsePrivateKey(text);
  if (!pem)
    throw new Fault(`settings.${name}`, `${name} gives no RSA private key in PEM form`, {
      remedy: 'Generate one on the App\'s page under "Private keys"',
    });
  return new Secret(pem);
}

function parseCommand(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === "string" && part !== ""))
    return value as string[];
  throw new Fault("settings.AIRLOCK_KEY_COMMAND", "AIRLOCK_KEY_COMMAND is no list of program and arguments", {
    remedy: 'Write it as JSON, since it is run without a shell: ["pass", "show", "airlock/key"]',
  });
}

async function ask(name: string, [program = "", ...args]: string[], env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const { stdout } = await execa(program, args, {
      extendEnv: false,
      env,
      stdin: "inherit",
      stderr: "inherit",
      timeout: commandMs,
      maxBuffer: 100_000,
    });
    return stdout;
  } catch (error) {
    // The error holds what the program printed, which may be the key.
    const code = error instanceof Error && "exitCode" in error ? error.exitCode : undefined;
    throw new Fault(
      `settings.${name}`,
      `${name}: ${program} did not give the key (${code === undefined ? "it did not run" : `exit code ${code}`})`,
      {
        remedy: "Try the command by hand: it must print the PEM file on stdout",
      },
    );
  }
}
