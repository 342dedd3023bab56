import { lockFolder } from "../../../src/store/lock.ts";

/** A process that holds a data folder until it is killed. */
const held = lockFolder(process.argv[2] ?? "");
process.on("disconnect", () => held[Symbol.dispose]());
process.send?.("held");
