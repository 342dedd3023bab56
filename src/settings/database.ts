import { Secret } from "../secret/secret.ts";
import type { Environment } from "./environment.ts";
import { wrong } from "./read.ts";
import { isLoopback } from "./values.ts";

/** A PostgreSQL server that holds the rows. */
export interface Database {
  url: Secret;
  /** Decoded: a log must not show it in either form. */
  password: Secret | undefined;
  /** Whether rows cross a network that others may read. */
  inTheClear: boolean;
}

/** Undefined where the text is no address of a PostgreSQL server. Pure. */
export function parseDatabaseUrl(text: string): Database | undefined {
  // libpq's form for a server at a Unix socket has a user and no host, which is no URL.
  const url = URL.parse(text) ?? URL.parse(text.replace("@/", "@localhost/"));
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.hash !== "") return undefined;
  const host = url.searchParams.get("host") ?? url.hostname;
  const local = host === "" || host.startsWith("/") || isLoopback(host);
  const mode = url.searchParams.get("sslmode") ?? (url.searchParams.get("ssl") === "true" ? "require" : "disable");
  try {
    const password = decodeURIComponent(url.password);
    return {
      url: new Secret(text),
      password: password === "" ? undefined : new Secret(password),
      inTheClear: !local && ["disable", "allow", "prefer"].includes(mode),
    };
  } catch {
    return undefined;
  }
}

/** The address holds a password: it may stand in a file, DATABASE_URL_FILE. */
export function readDatabase(environment: Environment): Database | undefined {
  const found = environment.findSecret("DATABASE_URL");
  if (!found) return undefined;
  const database = parseDatabaseUrl(found.text);
  if (!database) throw wrong("DATABASE_URL", "is no address such as postgres://user:password@host/database", found.name);
  return database;
}
