import { openFirewalled, openWorld, type World } from "./firewalled-fixture.ts";
import { openSandbox, type TestEngine, type TestSandbox, type TestSandboxOptions } from "./sandbox-fixture.ts";

/** For describe.each: what is about the sandbox as such is tried in both, and counted by the name. */
export const modes = ["sealed", "firewalled"] as const;
export type Mode = (typeof modes)[number];

/** Opens sandboxes of either mode. The world of firewalled ones is there from the first that is asked for until this is disposed of. */
export interface Boxes extends AsyncDisposable {
  open(mode: Mode, options?: Pick<TestSandboxOptions, "limits">): Promise<TestSandbox>;
}

export function createBoxes(engine: TestEngine): Boxes {
  let world: Promise<World> | undefined;
  return {
    async open(mode, options = {}) {
      if (mode === "sealed") return openSandbox(engine, options);
      world ??= openWorld();
      return openFirewalled(engine, await world, options);
    },
    [Symbol.asyncDispose]: async () => (await world)?.[Symbol.asyncDispose](),
  };
}
