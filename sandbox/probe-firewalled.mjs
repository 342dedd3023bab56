// The checks that a firewalled sandbox has on top of probe.mjs's. `answers`: a URL that must answer, whatever it says; `refusedName`: a name
// that the resolver must refuse; `publicAddress`: one that is not allowed.
import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { request as askPlain } from "node:http";
import { request as askTls } from "node:https";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";

const resolver = "127.0.0.53";
const refused = 5;
/** What the firewall itself answers, or the kernel where there is no route. ECONNREFUSED would be the far end's own word. */
export const unreachable = ["EHOSTUNREACH", "ENETUNREACH", "EACCES", "EPERM"];

const question = (name) =>
  Buffer.concat([
    Buffer.from([0x41, 0x4c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0, 0, 1, 0, 1]),
  ]);

/** The answer's code, or the error's. */
const askByUdp = (name, address, limitMs) =>
  new Promise((resolve) => {
    const socket = createSocket("udp4");
    const end = (seen) => socket.close(() => resolve(seen));
    const timer = setTimeout(() => end("timeout"), limitMs);
    const settle = (seen) => {
      clearTimeout(timer);
      end(seen);
    };
    socket.once("message", (message) => settle(message[3] & 15));
    socket.once("error", (error) => settle(error.code));
    socket.connect(53, address, (error) =>
      error ? settle(error.code) : socket.send(question(name), (failed) => failed && settle(failed.code)),
    );
  });
const askByTcp = (name, address, limitMs) =>
  new Promise((resolve) => {
    const asked = question(name);
    const socket = connect({ host: address, port: 53, timeout: limitMs });
    const settle = (seen) => {
      socket.destroy();
      resolve(seen);
    };
    socket.once("connect", () => socket.write(Buffer.concat([Buffer.from([asked.length >> 8, asked.length & 255]), asked])));
    socket.once("data", (data) => settle(data.length > 5 ? data[5] & 15 : "cut"));
    socket.once("timeout", () => settle("timeout"));
    socket.once("error", (error) => settle(error.code));
    socket.once("end", () => settle("closed"));
  });

/** The resolver may be a moment from listening. */
const patiently = async (ask) => {
  for (const endMs = Date.now() + 3500; ; ) {
    const seen = await ask();
    if (seen === refused || Date.now() > endMs) return [seen === refused, seen === refused ? "refused" : `${seen}`];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const askUrl = (url) =>
  new Promise((resolve, reject) => {
    const asked = (url.startsWith("https:") ? askTls : askPlain)(url, { timeout: 4000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.once("timeout", () => asked.destroy(Object.assign(new Error(), { code: "timeout" })));
    asked.once("error", reject);
    asked.end();
  });

/** The engine's side of our network: the first address of it, or what the routes name. */
const bridgeAddress = () => {
  const own = Object.entries(networkInterfaces()).flatMap(([name, list]) => (name.startsWith("eth") ? list : []));
  return own.find(({ family }) => family === "IPv4")?.address.replace(/\d+$/, "1");
};

export const firewalledChecks = ({ publicAddress, answers, refusedName, dial, refusal }) => ({
  "firewall.allowed-host": async () => {
    const endMs = Date.now() + 10_000;
    for (;;) {
      try {
        return [true, `${await askUrl(answers)}`];
      } catch (error) {
        if (Date.now() > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  },
  "firewall.bridge": async () => {
    const address = bridgeAddress();
    const seen = address === undefined ? "no address" : await refusal(() => dial(address, 2375));
    return [unreachable.includes(seen), seen];
  },
  "firewall.unlisted-name-udp": () => patiently(() => askByUdp(refusedName, resolver, 1000)),
  "firewall.unlisted-name-tcp": () => patiently(() => askByTcp(refusedName, resolver, 1000)),
  "firewall.other-resolvers": async () => {
    const others = ["127.0.0.11", publicAddress, bridgeAddress()].filter(Boolean);
    const seen = await Promise.all(
      others.flatMap((address) => [askByUdp(refusedName, address, 800), askByTcp(refusedName, address, 800)]),
    );
    // A number is an answer. A refused connection means that the question arrived somewhere.
    return [seen.every((one) => one === "timeout" || unreachable.includes(one)), [...new Set(seen)].join(" ")];
  },
  "firewall.ipv6-off": async () => {
    const off = await readFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", "utf8").catch((error) =>
      error.code === "ENOENT" ? "1" : Promise.reject(error),
    );
    const own = Object.values(networkInterfaces()).flatMap((list) => list.filter(({ family }) => family === "IPv6"));
    return [off.trim() === "1" && own.length === 0, `disable_ipv6 ${off.trim()}, ${own.length} addresses`];
  },
});
