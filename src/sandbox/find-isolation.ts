import { release } from "node:os";
import { execa } from "execa";
import type { Isolation } from "../run/isolation.ts";
import type { Engine, EngineAnswers } from "./engine.ts";
import { decideIsolation, type RuntimeSight, type RuntimeWish, type SandboxIsolation } from "./isolation.ts";
import { type EngineParts, findKnownEscapes } from "./known-escapes.ts";

export type FoundIsolation = { made: SandboxIsolation; isolation: Isolation; passedOver?: string } | { refused: string };

/** Looks at the engine as it is now: it may have been changed since Airlock started. Some tens of milliseconds. */
export async function findIsolation(
  { docker }: Pick<Engine, "docker">,
  of: { wish: RuntimeWish; mode: "sealed" | "firewalled" },
): Promise<FoundIsolation> {
  const [version, info] = await Promise.all([docker.version() as Promise<EngineAnswers["version"]>, docker.info()]);
  const [runtimes, dockerVersion] = await Promise.all([
    observeRuntimes((info as { Runtimes?: RegisteredRuntimes }).Runtimes ?? {}),
    packaged("docker.io", version.Version),
  ]);
  const parts: EngineParts = {
    docker: dockerVersion,
    containerd: partVersion(version, "containerd"),
    runc: partVersion(version, "runc"),
  };
  const kernel = release();
  const choice = decideIsolation({ ...of, runtimes, runcVersion: parts.runc, kernel });
  if ("refused" in choice) return choice;
  const { chosen, passedOver } = choice;
  return {
    made: chosen,
    isolation: { kind: chosen.kind, version: choice.version, kernel, escapes: findKnownEscapes(parts, chosen.kind) },
    ...(passedOver !== undefined && { passedOver }),
  };
}

/** Where a distribution builds a part from source, what the part calls its commit is the package's version. Pure. */
export function partVersion({ Components = [] }: EngineAnswers["version"], name: string): string {
  const part = Components.find((it) => it.Name === name);
  const commit = part?.Details?.GitCommit ?? "";
  return part && commit.startsWith(`${part.Version}-`) ? commit : (part?.Version.replace(/^v/, "") ?? "");
}

type RegisteredRuntimes = Readonly<Record<string, { path?: string; runtimeArgs?: readonly string[] | null }>>;

/** Only gVisor is asked for its version: runc's is the engine's to tell, and of others nothing is made. */
async function observeRuntimes(registered: RegisteredRuntimes): Promise<RuntimeSight[]> {
  return Promise.all(
    Object.entries(registered)
      .filter(([name]) => name.startsWith("runsc"))
      .map(async ([name, { path, runtimeArgs }]) => ({
        ...{ name, args: runtimeArgs ?? [] },
        version: path === undefined ? "" : await askVersion(path),
      })),
  );
}

const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C" };

/** The engine runs this very program as root whenever a container starts. */
async function askVersion(path: string): Promise<string> {
  const asked = await execa(path, ["--version"], { env, extendEnv: false, stdin: "ignore", timeout: 10_000, reject: false });
  return /^runsc version (\S{1,80})$/m.exec(`${asked.stdout ?? ""}`)?.[1] ?? "";
}

/** The distribution's own version of the engine, which it does not tell ("20.10.24+dfsg1-1+deb12u1" for "20.10.24+dfsg1"); the
 *  engine's where it is no package, or another than the one that is installed. */
async function packaged(name: string, told: string): Promise<string> {
  const asked = await execa("dpkg-query", ["--show", `--showformat=\${Version}`, name], {
    ...{ env, extendEnv: false, stdin: "ignore", timeout: 10_000, reject: false },
  });
  const found = asked.exitCode === 0 ? `${asked.stdout}`.replace(/^\d+:/, "") : "";
  return told !== "" && found.startsWith(`${told}-`) ? found : told;
}
