import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../fault.ts";

/** Sees that every user may pass through all folders above `path`: our processes run under accounts of their own, and one closed folder on
 *  the way (a home of 0700) would end each of them at its start. Access lists are not looked at. Throws Fault "settings.passage". */
export async function ensurePassage(path: string): Promise<void> {
  for (let at = dirname(await realpath(path)); ; at = dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0)
      throw new Fault("settings.passage", `${path} lies in ${at}, which other users may not pass through`, {
        remedy: `Point AIRLOCK_DATA at another place, /var/lib/airlock for example, or allow it: chmod o+x ${at}`,
      });
    if (at === dirname(at)) return;
  }
}
