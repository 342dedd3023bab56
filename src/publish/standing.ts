import type { Reason } from "../run/outcome.ts";

/**
 * ◆ Why the work is not pushed to its branch, because of what people did there while the agent worked; undefined where all is as it was. A
 * branch is never overwritten, and none that somebody took away is made again: the work stays a patch, and a person decides.
 */
export function decideStanding(of: {
  branch: string;
  /** Where the branch is, seen from where the work began: there, pushed to, without that commit, or gone. */
  tip: "as-it-was" | "ahead" | "forced" | "gone";
  /** The one that was asked on. */
  pull?: { number: number; state: "open" | "closed" | "merged" };
}): Reason | undefined {
  const { branch, tip, pull } = of;
  if (tip === "ahead")
    return {
      code: "publish.branch-moved",
      words: `Somebody pushed to \`${branch}\` while the agent worked, so its work was not put on top of what nobody had looked at.`,
      remedy: `${kept} Look at the branch, then ask again.`,
    };
  if (tip === "forced")
    return {
      code: "publish.branch-forced",
      words: `Somebody force-pushed \`${branch}\` while the agent worked: the commit that its work stands on is not in the branch any more, so nothing was pushed there.`,
      remedy: `${kept} Look at the branch, then ask again.`,
    };
  if (tip === "gone")
    return {
      code: "publish.branch-gone",
      words: `Somebody deleted the branch \`${branch}\` while the agent worked, so its work was not pushed.`,
      remedy: `${kept} Apply it where it is wanted, or ask again.`,
    };
  if (pull?.state === "merged" || pull?.state === "closed")
    return {
      code: "publish.pull-closed",
      words: `Pull request #${pull.number} was ${pull.state} while the agent worked, so its work was not pushed to \`${branch}\` any more.`,
      remedy: `${kept} ${pull.state === "merged" ? "Ask on an issue if it is still wanted." : "Open the pull request again if it is still wanted, then ask again."}`,
    };
  return undefined;
}

const kept = "The work is kept as a patch on the run's page.";
