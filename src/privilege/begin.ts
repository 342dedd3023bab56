import module from "node:module";
import { compileCacheFolder } from "../settings/compile-cache.ts";

// A daemon's first file: its own, which is named by the first argument, is imported late, so that it comes out of the cache. That is read
// and written as root, before it leaves root: see runDaemon. Not by an environment variable: a daemon's environment holds nothing of ours.
module.enableCompileCache(compileCacheFolder);
await import(process.argv[2] ?? "");
