import type { CommandRun } from "./commands.ts";
export const runTest: CommandRun = async () => 1;
