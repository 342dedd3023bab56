import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { sortByEngine } from "../../../src/cli/test/engine-files.ts";

const root = mkdtempSync(join(tmpdir(), "engine-files-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("test files", () => {
  it("need the engine if they, or what they import at run time, speak to it", () => {
    const files = {
      "src/engine.ts": 'import Docker from "dockerode";',
      "src/wire.ts": 'const { open } = await import("./engine.ts");',
      "src/store.ts": 'import type { Engine } from "./engine.ts";\nexport const x = 1;',
      "src/loop.ts": 'import { a } from "./loop.ts";',
      "test/parts/deep.test.ts": 'import { wire } from "../../src/wire.ts";',
      "test/parts/program.test.ts": 'await execa("docker", ["ps"]);',
      "test/parts/many.test.ts": 'import {\n  one,\n  two,\n} from "../../src/engine.ts";',
      "test/parts/store.test.ts": 'import { x } from "../../src/store.ts";',
      "test/parts/loop.test.ts": 'import { a } from "../../src/loop.ts";',
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), text);
    }
    expect(sortByEngine(root, ["test/parts", "test/journeys"])).toEqual({
      engine: ["test/parts/deep.test.ts", "test/parts/many.test.ts", "test/parts/program.test.ts"],
      others: ["test/parts/loop.test.ts", "test/parts/store.test.ts"],
    });
  });
});
