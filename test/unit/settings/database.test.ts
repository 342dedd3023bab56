import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDatabaseUrl } from "../../../src/settings/database.ts";

const look = (text: string) => {
  const found = parseDatabaseUrl(text);
  return found && { password: found.password?.reveal(), inTheClear: found.inTheClear };
};

describe("a database address", () => {
  it("is one of a PostgreSQL server, at a host or at a socket", () => {
    expect(look("postgres://a:b%40c@db.example.org/airlock?sslmode=verify-full")).toEqual({ password: "b@c", inTheClear: false });
    expect(look("postgresql://a@/airlock?host=/run/postgresql")).toEqual({ password: undefined, inTheClear: false });
    for (const text of ["", "mysql://a@b/c", "postgres", "db.example.org", "postgres://a:%zz@b/c", "postgres://a@b/c#x"])
      expect(look(text), text).toBeUndefined();
  });

  it("is told of where its rows cross a network in the clear", () => {
    for (const mode of ["", "?sslmode=disable", "?sslmode=prefer", "?ssl=false"])
      expect(look(`postgres://a:b@db.example.org/x${mode}`)?.inTheClear, mode).toBe(true);
    for (const host of ["localhost", "127.0.0.1", "[::1]"])
      expect(look(`postgres://a:b@${host}/x`)?.inTheClear, host).toBe(false);
  });

  it("never throws, whatever stands there", () => {
    fc.assert(fc.property(fc.string(), (rest) => void parseDatabaseUrl(`postgres://${rest}`)));
  });
});
