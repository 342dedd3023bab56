import { Fault } from "../fault.ts";
import type { CommandRun } from "./commands.ts";

export const runDev: CommandRun = async () => {
  throw new Fault("internal.not-built", "`dev` is not wired in this checkout yet", { remedy: "Use a later checkout" });
};
