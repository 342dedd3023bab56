/** Tunnels out of the gateway, attacked: same names and same far end for the door and for an undefended proxy. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { helloFor, printHello, printRecords, serverName } from "../helpers/client-hello.ts";
import { controlFell } from "../helpers/control.ts";
import {
  canary,
  listedHost,
  openPlainProxy,
  openTunnelDoor,
  openTunnelWorld,
  otherHost,
  type TunnelDoor,
  type TunnelTry,
  type TunnelWorld,
  tryTunnel,
} from "../helpers/tunnel-world.ts";
import { until } from "../helpers/until.ts";

const target = `${listedHost}:443`;
const rightly = { servername: listedHost };

describe("a tunnel", { timeout: 60_000 }, () => {
  let world: TunnelWorld;
  let proxy: Awaited<ReturnType<typeof openPlainProxy>>;
  let door: TunnelDoor;
  beforeAll(async () => {
    world = await openTunnelWorld();
    proxy = await openPlainProxy(world);
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    world.answers.clear();
    world.answers.set(listedHost, ["1.1.1.1"]).set(otherHost, ["1.0.0.1"]);
    for (const list of [world.dialled, world.resolved, world.heard]) list.length = 0;
    door = await openTunnelDoor(world);
    return () => door[Symbol.asyncDispose]();
  });

  /** The attempt at the undefended proxy reaches somebody; then at the door. */
  async function attempt(of: TunnelTry): Promise<{ head: string; text: string }> {
    controlFell((await tryTunnel(proxy.socket, of)).text.includes(canary), `${of.target} by an undefended proxy`);
    for (const list of [world.dialled, world.resolved, world.heard]) list.length = 0;
    return tryTunnel(door.socket, of);
  }
  const refusals = async () => (await door.closeAndRead()).filter(({ verdict }) => verdict === "refused").map(({ rule }) => rule);

  /** What was refused leaves the door as it was: the same door serves what is asked rightly. */
  const serves = async () => {
    const allowed = await tryTunnel(door.socket, { target, say: rightly });
    expect(allowed.text).toContain(canary);
  };

  const elsewhere: [rows: string, rule: string, target: string][] = [
    ["[3]", "connect.address", "1.1.1.1:443"],
    ["[3]", "connect.address", "[2606:4700::1]:443"],
    ["[3]", "connect.address", "127.0.0.1:443"],
    ["[3][7]", "connect.address", "169.254.169.254:80"],
    ["[3][8]", "connect.address", "2130706433:443"],
    ["[3][8]", "connect.address", "0x7f000001:443"],
    ["[3][8]", "connect.address", "017700000001:443"],
    ["[3][8]", "connect.address", "127.1:443"],
    ["[3][8]", "connect.address", "[::ffff:127.0.0.1]:443"],
    ["[3]", "connect.port", `${listedHost}:80`],
    ["[3]", "connect.port", `${listedHost}:22`],
    ["[3]", "connect.port", `${listedHost}:8443`],
    ["[2][3]", "connect.not-listed", `${otherHost}:443`],
    ["[2][3]", "connect.not-listed", `deep.${listedHost}:443`],
    ["[2][7]", "connect.not-listed", "metadata.google.internal:443"],
    ["[8]", "connect.spelling", `${listedHost.toUpperCase()}:443`],
    ["[8]", "connect.spelling", `${listedHost}.:443`],
  ];
  for (const [rows, rule, asked] of elsewhere)
    it(`${rows} to ${asked} is refused by ${rule}, and nobody is looked up or dialled`, async () => {
      const { head } = await attempt({ target: asked, say: Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n") });
      expect(head).toContain(`Rule ${rule}.`);
      expect([world.resolved, world.dialled, world.heard]).toEqual([[], [], []]);
      await serves();
      expect(await refusals()).toEqual([rule]);
    });

  const privately: [rows: string, answers: string[]][] = [
    ["[3]", ["127.0.0.1"]],
    ["[3]", ["10.1.2.3"]],
    ["[3][7]", ["169.254.169.254"]],
    ["[3][7]", ["fd00:ec2::254"]],
    ["[3][7]", ["168.63.129.16"]],
    ["[3]", ["::1"]],
    ["[3]", ["::ffff:10.0.0.1"]],
    ["[3]", ["64:ff9b::7f00:1"]],
    ["[3]", ["2002:7f00:1::1"]],
    ["[3]", ["1.1.1.1", "192.168.0.1"]],
    ["[3]", ["192.168.0.1", "1.1.1.1"]],
    ["[3][7]", ["203.0.113.77"]],
  ];
  for (const [rows, answers] of privately)
    it(`${rows} to a listed name that is at ${answers.join(" and ")} is refused, and nobody is dialled`, async () => {
      world.answers.set(listedHost, answers);
      const { head } = await attempt({ target, say: rightly });
      expect(head).toContain("Rule connect.private-address.");
      expect(world.dialled).toEqual([]);
      expect(await refusals()).toEqual(["connect.private-address"]);
    });

  it("[3] to a name whose answer changes goes to the address that was looked at: it is asked for once", async () => {
    // As whoever holds the name's server would: a public answer for whoever checks, then another for whoever dials.
    const changing = ["1.1.1.1", "127.0.0.1"];
    world.answers.get = (name) => (name === listedHost ? [changing.shift() ?? "127.0.0.1"] : undefined);
    try {
      // Undefended: checked by one look, dialled by another.
      const looked = world.answers.get(listedHost)?.[0];
      await tryTunnel(proxy.socket, { target, say: rightly });
      controlFell(looked === "1.1.1.1" && world.dialled[0] === "127.0.0.1:443", "a proxy that looks the name up twice");
      changing.unshift("1.1.1.1", "127.0.0.1");
      for (const list of [world.dialled, world.resolved]) list.length = 0;
      expect((await tryTunnel(door.socket, { target, say: rightly })).text).toContain(canary);
      expect([world.resolved, world.dialled]).toEqual([[listedHost], ["1.1.1.1:443"]]);
    } finally {
      Reflect.deleteProperty(world.answers, "get");
    }
  });

  const named = [0, serverName([0, listedHost])] as const;
  const spoken: [what: string, rule: string, say: TunnelTry["say"]][] = [
    ["TLS for another name", "connect.other-name", { servername: otherHost }],
    ["TLS 1.2 for another name", "connect.other-name", { servername: otherHost, maxVersion: "TLSv1.2" }],
    ["TLS for no name", "connect.other-name", { servername: "" }],
    ["TLS for the name in capitals", "connect.other-name", { servername: listedHost.toUpperCase() }],
    ["HTTP", "connect.not-tls", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["SSH", "connect.not-tls", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n")],
    ["anything", "connect.not-tls", Buffer.from("code that leaves, line by line")],
  ];
  for (const [what, rule, say] of spoken)
    it(`[4] to a listed host, then ${what}, is closed, and not a byte of it has left`, async () => {
      const { head, text } = await attempt({ target, say });
      expect(head).toContain("200");
      expect(text).not.toContain(canary);
      expect(world.heard).toEqual([]);
      await serves();
      expect(await refusals()).toEqual([rule]);
    });

  const sealed: [what: string, rule: string, hello: Buffer][] = [
    [
      "two names",
      "connect.other-name",
      printRecords(printHello({ extensions: [[0, serverName([0, listedHost], [0, otherHost])]] })),
    ],
    [
      "a second list of names",
      "connect.hello",
      printRecords(printHello({ extensions: [named, [0, serverName([0, otherHost])]] })),
    ],
    [
      "an encrypted name beside the right one",
      "connect.hidden-name",
      printRecords(printHello({ extensions: [named, [0xfe0d, Buffer.alloc(64)]] })),
    ],
    ["another name after a NUL", "connect.other-name", helloFor(`${listedHost}\0.${otherHost}`)],
  ];
  for (const [what, rule, hello] of sealed)
    it(`[4] to a listed host, then a ClientHello with ${what}, is closed before anything is passed on`, async () => {
      await tryTunnel(proxy.socket, { target, say: hello });
      controlFell(world.heard.includes(`hello ${hello.length}`), "what an undefended proxy passes on");
      world.heard.length = 0;
      expect((await tryTunnel(door.socket, { target, say: hello })).text.charCodeAt(0)).toBe(21);
      expect(world.heard).toEqual([]);
      expect(await refusals()).toEqual([rule]);
    });

  describe("whose far end asks for a second ClientHello", () => {
    let asking: TunnelWorld;
    let open: Awaited<ReturnType<typeof openPlainProxy>>;
    let strict: TunnelDoor;
    beforeAll(async () => {
      asking = await openTunnelWorld({ ecdhCurve: "secp384r1" });
      open = await openPlainProxy(asking);
    });
    afterAll(async () => {
      await open?.[Symbol.asyncDispose]();
      await asking?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      asking.answers.set(listedHost, ["1.1.1.1"]);
      asking.heard.length = 0;
      strict = await openTunnelDoor(asking);
      return () => strict[Symbol.asyncDispose]();
    });
    const asked = { servername: listedHost, ecdhCurve: "X25519:secp384r1" };
    const names = () => asking.passedOn.match(/(?:docs|evil)\.example\.org/g);
    /** The first ClientHello as it is; from the second on with another name of the same length. */
    const second = (change: (hello: Buffer) => Buffer) => {
      let hellos = 0;
      return (piece: Buffer) => {
        if (!piece.includes(listedHost)) return piece;
        hellos += 1;
        return hellos === 1 ? piece : change(piece);
      };
    };
    const renamed = (hello: Buffer) => {
      const forged = Buffer.from(hello);
      forged.write(otherHost, forged.indexOf(listedHost), "latin1");
      return forged;
    };

    it("serves a client that names the host again", async () => {
      const { text } = await tryTunnel(strict.socket, { target, say: asked });
      expect(text).toContain(canary);
      expect(names()).toEqual([listedHost, listedHost]);
      expect((await strict.closeAndRead()).map(({ rule }) => rule)).toEqual(["connect.listed", "connect.ended"]);
    });

    it("[4] and gets one with another name, is closed before a byte of that one is passed on", async () => {
      const attack = () => ({ target, say: { ...asked, forge: second(renamed) } });
      await tryTunnel(open.socket, attack());
      controlFell(names()?.at(1) === otherHost, "what an undefended proxy passes on");
      await tryTunnel(strict.socket, attack());
      expect(names()).toEqual([listedHost]);
      expect((await strict.closeAndRead()).map(({ rule, verdict }) => [rule, verdict])).toEqual([
        ["connect.listed", "allowed"],
        ["connect.other-name", "refused"],
      ]);
    });

    it("[4] and got it in one piece with the first, is closed as well", async () => {
      // As who knows what will be asked: both at once, so that nobody has seen the answer yet.
      const pieces: Buffer[] = [];
      const catching = (piece: Buffer) => {
        pieces.push(piece);
        return piece;
      };
      await tryTunnel(open.socket, { target, say: { ...asked, forge: catching } });
      const [first, again] = pieces.filter((piece) => piece.includes(listedHost));
      if (!first || !again) throw new Error("no second ClientHello was asked for");
      const both = Buffer.concat([first, renamed(again)]);
      asking.passedOn = "";
      // The far end waits for the rest of the handshake, which nobody has.
      void tryTunnel(open.socket, { target, say: both });
      await until("both to be passed on", () => asking.passedOn.length >= both.length);
      controlFell(names()?.at(1) === otherHost, "what an undefended proxy passes on");
      await tryTunnel(strict.socket, { target, say: both });
      expect(asking.passedOn).toBe(first.toString("latin1"));
      expect((await strict.closeAndRead()).at(-1)).toMatchObject({ rule: "connect.other-name", verdict: "refused" });
    });

    it("[4] and gets something that is none, is closed", async () => {
      const code = "code that leaves, line by line";
      const attack = () => ({ target, say: { ...asked, forge: second(() => Buffer.from(code)) } });
      await tryTunnel(open.socket, attack());
      controlFell(asking.passedOn.includes(code), "what an undefended proxy passes on");
      await tryTunnel(strict.socket, attack());
      expect(names()).toEqual([listedHost]);
      expect(asking.passedOn).not.toContain(code);
      expect((await strict.closeAndRead()).at(-1)).toMatchObject({ rule: "connect.not-tls", verdict: "refused" });
    });
  });

  it("[4] that never says its name whole is closed in time", async () => {
    await door[Symbol.asyncDispose]();
    door = await openTunnelDoor(world, { limits: { helloMs: 300 } });
    const whole = helloFor(listedHost);
    expect((await tryTunnel(door.socket, { target, say: whole.subarray(0, 20) })).text).toBe("");
    expect(world.heard).toEqual([]);
    expect(await refusals()).toEqual(["connect.timeout"]);
  });

  it("[3][61] behind another request on its connection is refused, and that connection with it", async () => {
    const { sendRaw } = await import("../helpers/raw-http.ts");
    const behind = `GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nCONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
    expect(await sendRaw(door.socket, behind)).not.toContain("established");
    expect(await refusals()).toEqual(["connect.not-first"]);
    expect(world.dialled).toEqual([]);
  });
});
