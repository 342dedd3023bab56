import manifest from "../../package.json" with { type: "json" };

/** Airlock's own version. */
export const version: string = manifest.version;
