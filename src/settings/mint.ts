import { Secret } from "../secret/secret.ts";
import { readGithub, readProxy } from "./addresses.ts";
import { pickChildEnvironment } from "./child-environment.ts";
import { missing, read } from "./read.ts";
import { findRegisteredApp } from "./registered.ts";
import type { Settings, SettingsSource } from "./shape.ts";
import { openSource, ownEnvironment, placeFrom } from "./source.ts";

/** What minting by hand needs: no webhook secret, no model. Throws Fault "settings.NAME". */
export async function readMintSettings(
  source: SettingsSource = {},
): Promise<{ appId: number; privateKey: Secret } & Pick<Settings, "github" | "proxy">> {
  const { environment, cwd } = openSource(source);
  const shared = { github: readGithub(environment), proxy: readProxy(environment, cwd) };
  const appId = read(environment, "APP_ID");
  if (appId === undefined) {
    const registered = findRegisteredApp(placeFrom(environment, source).folder);
    if (registered?.host !== shared.github.host) throw missing("APP_ID");
    return { ...shared, appId: registered.id, privateKey: new Secret(registered.privateKey) };
  }
  const { readAppKey } = await import("./app-key.ts");
  const privateKey = await readAppKey(environment, pickChildEnvironment(source.env ?? ownEnvironment()));
  if (!privateKey) throw missing("PRIVATE_KEY");
  return { ...shared, appId, privateKey };
}
