import module from "node:module";
import { join } from "node:path";

// Beside the code, never in a shared temporary folder: whoever can write there could hand us compiled code of theirs.
module.enableCompileCache(join(import.meta.dirname, "../.tools/compile-cache"));

// Imported late, so that it comes out of the cache.
const { runCommandLine } = await import("./cli/program.ts");

process.exitCode = await runCommandLine(process.argv.slice(2));
// A handle that somebody forgot must not keep a script waiting for a command that has ended.
setTimeout(() => process.exit(), 1_000).unref();
