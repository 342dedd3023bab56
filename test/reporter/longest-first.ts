import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Those that take half a minute or more, the longest first: one that began last would be waited for alone. Those that mostly wait, for a
 * moment to come or for something to give up, stand between those that work: together they would leave the machine idle, and the rest crowd it.
 */
const working = [
  "test/parts/sandbox-examples.test.ts",
  "test/crash/chaos.test.ts",
  "test/journeys/hoarders.test.ts",
  "test/journeys/commands.test.ts",
  "test/attacks/publish.test.ts",
  "test/journeys/moods.test.ts",
  "test/journeys/ci-gate.test.ts",
  "test/attacks/asking.test.ts",
  "test/attacks/limits.test.ts",
  "test/parts/backup.test.ts",
  "test/journeys/asking.test.ts",
  "test/parts/orphans.test.ts",
  "test/journeys/issue.test.ts",
  "test/parts/own-image.test.ts",
  "test/parts/sandbox-agent.test.ts",
  "test/journeys/paused.test.ts",
];
const waiting = [
  "test/journeys/pace.test.ts",
  "test/attacks/git.test.ts",
  "test/crash/fleet.test.ts",
  "test/attacks/refusals.test.ts",
  "test/attacks/firewalled.test.ts",
  "test/parts/dev-container.test.ts",
  "test/journeys/parked.test.ts",
  "test/attacks/network.test.ts",
  "test/journeys/upkeep.test.ts",
  "test/parts/sandbox-rules.test.ts",
  "test/parts/sandbox-verify.test.ts",
];
/** One that waits for every two that work. */
const longest = working
  .flatMap((file, at) => (at % 2 === 0 ? [waiting[at / 2], file] : [file]))
  .concat(waiting.slice(Math.ceil(working.length / 2)));

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification) => {
      const at = longest.indexOf(relative(project.config.root, moduleId));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
