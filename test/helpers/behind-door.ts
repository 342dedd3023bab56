/** A command as in the sandbox, as far as its network goes: a namespace with nothing but `lo`, and the gateway at its port. */
import { join } from "node:path";
import { execa } from "execa";

const forwarder = `
import { connect, createServer } from "node:net";
createServer((client) => {
  const door = connect(process.argv[1]);
  client.on("error", () => door.destroy());
  door.on("error", () => client.destroy());
  client.pipe(door).pipe(client);
}).listen(8090, "127.0.0.1", () => console.log("ready"));
`;

/** Needs root, as the sandbox does. `script`: a shell script; its arguments are never read by a shell of ours. */
export async function runBehindDoor(of: {
  socket: string;
  cwd: string;
  script: string;
  env?: Record<string, string>;
}): Promise<{ exitCode: number | undefined; stdout: string; all: string }> {
  const { PATH = "", HOME = "" } = process.env;
  const begin = `ip link set lo up
exec 3< <(exec "$NODE" --input-type=module -e "$FORWARDER" "$DOOR"); forwarder=$!
read -r -u 3 _
trap 'kill $forwarder' EXIT
${of.script}`;
  const { exitCode, stdout, all } = await execa("unshare", ["--net", "--", "bash", "-c", begin], {
    cwd: of.cwd,
    extendEnv: false,
    env: { PATH, HOME, NODE: process.execPath, FORWARDER: forwarder, DOOR: of.socket, LANG: "C.UTF-8", ...of.env },
    reject: false,
    all: true,
    timeout: 120_000,
  });
  return { exitCode, stdout, all };
}

/** The sandbox's own settings for package managers, as in its image. */
export const clientFolder = join(import.meta.dirname, "../../sandbox");
