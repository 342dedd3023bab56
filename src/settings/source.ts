import { type Environment, readEnvironment } from "./environment.ts";
import { type Place, readPlace } from "./place.ts";
import type { SettingsSource } from "./shape.ts";

/** This process's own. Nothing else reads it. */
export function ownEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

export function openSource({ env = ownEnvironment(), cwd = process.cwd() }: SettingsSource): {
  environment: Environment;
  cwd: string;
} {
  return { environment: readEnvironment(env, cwd), cwd };
}

export function placeFrom(environment: Environment, { cwd = process.cwd(), dataFolder }: SettingsSource): Place {
  return readPlace(environment, {
    cwd,
    isRoot: process.getuid?.() === 0,
    ...(dataFolder === undefined ? {} : { folder: dataFolder }),
  });
}
