import { describe, expect, it } from "vitest";
import { parsePasswd } from "../../../src/privilege/accounts.ts";
import { composeLaunch } from "../../../src/privilege/launch.ts";
import { findConfinementFault } from "../../../src/privilege/status.ts";

const status = (change: Record<string, string> = {}) =>
  Object.entries({
    Name: "node",
    Uid: "995\t995\t995\t995",
    Gid: "994\t994\t994\t994",
    Groups: " ",
    CapInh: "0000000000000000",
    CapPrm: "0000000000000000",
    CapEff: "0000000000000000",
    CapBnd: "00000000000000c4",
    CapAmb: "0000000000000000",
    NoNewPrivs: "1",
    ...change,
  })
    .filter(([, value]) => value !== "absent")
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join("");

describe("confinement of our processes", () => {
  it("accepts exactly the state that was meant", () => {
    expect(findConfinementFault(status(), { uid: 995, gid: 994 })).toBeUndefined();
  });

  it("finds every remainder of root, and takes a missing field for one", () => {
    const changes: Record<string, string>[] = [
      { Uid: "995\t995\t0\t995" },
      { Gid: "0\t994\t994\t994" },
      { Groups: "0 " },
      { CapPrm: "0000000000000040" },
      { CapEff: "0000000000000001" },
      { CapAmb: "0000000000000001" },
      { CapBnd: "000001ffffffffff" },
      { NoNewPrivs: "0" },
      ...["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"].map((name) => ({
        [name]: "absent",
      })),
    ];
    for (const change of changes)
      expect(findConfinementFault(status(change), { uid: 995, gid: 994 }), JSON.stringify(change)).toBeDefined();
  });

  it("starts as root with three capabilities, and in an own network where none is wanted", () => {
    const none = composeLaunch({ root: true, network: "none", node: "/n", begin: "/b.ts", script: "/s.ts" });
    expect([none.file, ...none.args].join(" ")).toBe(
      'unshare --net -- sh -c ip link set lo up && exec "$@" sh setpriv --bounding-set=-all,+setuid,+setgid,+dac_read_search --inh-caps=-all --clear-groups --no-new-privs -- /n --disable-sigusr1 /b.ts /s.ts',
    );
    expect(composeLaunch({ root: true, network: "host", node: "/n", begin: "/b.ts", script: "/s.ts" }).file).toBe("setpriv");
    expect(composeLaunch({ root: false, network: "none", node: "/n", begin: "/b.ts", script: "/s.ts" })).toEqual({
      file: "/n",
      args: ["--disable-sigusr1", "/b.ts", "/s.ts"],
    });
  });

  it("reads an account, and never one of root's", () => {
    const passwd =
      "root:x:0:0::/root:/bin/sh\nairlock-gitx:x:5:5::/:/x\nairlock-git:x:995:994::/nonexistent:/usr/sbin/nologin\nbad:x:0:7::/:/x\nodd:x:a:7::/:/x\n";
    expect(parsePasswd(passwd, "airlock-git")).toEqual({ name: "airlock-git", uid: 995, gid: 994 });
    for (const name of ["root", "bad", "odd", "nobody"]) expect(parsePasswd(passwd, name)).toBeUndefined();
  });
});
