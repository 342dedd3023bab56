import module from "node:module";
import { compileCacheFolder } from "./settings/compile-cache.ts";

module.enableCompileCache(compileCacheFolder);

// Imported late, so that it comes out of the cache.
const { runCommandLine } = await import("./cli/program.ts");

process.exitCode = await runCommandLine(process.argv.slice(2));
// A handle that somebody forgot must not keep a script waiting for a command that has ended.
setTimeout(() => process.exit(), 1_000).unref();
