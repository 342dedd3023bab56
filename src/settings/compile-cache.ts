import { join } from "node:path";

/** Where node keeps what it compiled of our sources. Beside the code, never in a shared temporary folder: whoever can write there could
 *  hand us compiled code of theirs. */
export const compileCacheFolder = join(import.meta.dirname, "../../.tools/compile-cache");
