import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { namespaceOf } from "./remove.ts";

/**
 * Stands in for the internet where a sandbox has a network: a namespace of its own with documentation addresses and no way out. One
 * address serves the local GitHub; at all others sit strangers who write down whatever reaches them.
 */
export interface LocalInternet extends AsyncDisposable {
  /** Where the local GitHub is found in it: "http://github.airlock.test:443". */
  githubUrl: string;
  /** The names there are, with their addresses. */
  names: Record<string, string[]>;
  /** GitHub's `meta` as it would be here. */
  meta: Record<string, unknown>;
  /** Joins a namespace, named by a process in it, to this one by a cable; the namespace gets routes to the documentation addresses only. */
  join(pid: number): Promise<void>;
  /** What reached a stranger so far. */
  hits(): readonly Hit[];
  forget(): void;
}

export interface Hit {
  /** "tcp", "udp", or "dns" for a question, which is in `said`. */
  by: string;
  address: string;
  port: number;
  said: string;
}

export const githubAddress = "198.51.100.10";
/** In none of GitHub's ranges: a machine that anybody can rent, the address of the probe, a resolver of strangers', a cloud's metadata. */
export const strangers = ["203.0.113.10", "192.0.2.1", "192.0.2.53", "169.254.169.254"] as const;
const githubName = "github.airlock.test";
const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
const ip = (...args: string[]) => execa("ip", args, { env, extendEnv: false });

/** `githubPort`: of the local GitHub on this machine's loopback. `folder`: its own, whose name ends in "-" and a word that no other has;
 *  made and removed here if absent. Needs root. */
export async function startLocalInternet(of: { githubPort: number; folder?: string }): Promise<LocalInternet> {
  const { githubPort } = of;
  await using held = new AsyncDisposableStack();
  const folder =
    of.folder ?? held.adopt(await mkdtemp(path.join(tmpdir(), "airlock-internet-")), (made) => rm(made, { recursive: true }));
  const name = namespaceOf(folder);
  await ip("netns", "add", name);
  held.defer(async () => void (await ip("netns", "del", name)));
  await ip("-n", name, "link", "set", "lo", "up");
  for (const address of [githubAddress, ...strangers]) await ip("-n", name, "addr", "add", `${address}/32`, "dev", "lo");

  // A Unix socket is the one thing that both namespaces reach.
  const socket = path.join(folder, "github.sock");
  const relay = createServer((one) => {
    const other = connect(githubPort, "127.0.0.1");
    one.pipe(other).pipe(one);
    for (const [end, far] of [
      [one, other],
      [other, one],
    ] as const)
      end.on("error", () => far.destroy()).on("close", () => far.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(socket, resolve));
  held.defer(() => void relay.close());
  const hits: Hit[] = [];
  const serving = execa("ip", ["netns", "exec", name, process.execPath, path.join(import.meta.dirname, "serve.ts"), socket], {
    ...{ env, extendEnv: false, reject: false, buffer: false, stdin: "ignore" },
  });
  held.defer(async () => {
    serving.kill();
    await serving;
  });
  await new Promise<void>((resolve, reject) => {
    let rest = "";
    serving.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line === "ready") resolve();
      for (const line of lines) if (line !== "ready") hits.push(JSON.parse(line) as Hit);
    });
    void serving.then(({ stderr }) => reject(new Error(`the local internet does not start: ${stderr ?? ""}`)));
  });
  let cables = 0;
  const kept = held.move();
  return {
    githubUrl: `http://${githubName}:443`,
    names: { [githubName]: [githubAddress] },
    meta: { api: ["198.51.100.0/25"], git: ["198.51.100.0/25"], web: ["198.51.100.0/25"], actions: ["203.0.113.0/24"] },
    async join(pid) {
      const number = cables++ % 30;
      const [here, there] = [`192.0.2.${129 + number * 4}`, `192.0.2.${130 + number * 4}`];
      // A namespace's cables go with it, and so do its routes. The names carry the process, so that nothing is taken twice.
      const [mine, theirs] = [`c${number}-${pid}`.slice(0, 15), "up0"];
      await ip("link", "add", mine, "netns", name, "type", "veth", "peer", "name", theirs, "netns", `${pid}`);
      await ip("-n", name, "addr", "add", `${here}/30`, "dev", mine);
      await ip("-n", name, "link", "set", mine, "up");
      const inside = (...args: string[]) =>
        execa("nsenter", ["--target", `${pid}`, "--net", "--", "ip", ...args], { env, extendEnv: false });
      await inside("addr", "add", `${there}/30`, "dev", theirs);
      await inside("link", "set", theirs, "up");
      for (const net of ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/26", "169.254.169.254/32"])
        await inside("route", "add", net, "via", here);
    },
    hits: () => hits,
    forget: () => void hits.splice(0),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
