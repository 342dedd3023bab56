import { Fault } from "../fault.ts";
import type { CommandRun } from "./commands.ts";

export const runDemo: CommandRun = async () => {
  throw new Fault("internal.not-built", "`demo` is not wired in this checkout yet", { remedy: "Use a later checkout" });
};
