import { describe, expect, it } from "vitest";
import { createFaults } from "../../../../src/local/github/faults.ts";

const post = (path: string) => ({ method: "POST", path });

describe("faults on demand", () => {
  it("match by method and prefix, or by pattern, and wear off", () => {
    const faults = createFaults();
    faults.add({ match: { method: "post", path: "/api/v3/repos/acme" }, status: 500 });
    faults.add({ match: { path: /\/check-runs$/ }, thenStatus: 502, times: 2 });
    expect(faults.take({ method: "GET", path: "/api/v3/repos/acme/shop" })).toBeUndefined();
    expect(faults.take(post("/api/v3/repos/acme/shop/check-runs"))?.status).toBe(500);
    expect(faults.take(post("/api/v3/repos/acme/shop/check-runs"))?.thenStatus).toBe(502);
    expect(faults.take(post("/api/v3/repos/acme/shop/check-runs/1"))).toBeUndefined();
    expect(faults.take(post("/api/v3/repos/acme/shop/check-runs"))?.thenStatus).toBe(502);
    expect(faults.take(post("/api/v3/repos/acme/shop/check-runs"))).toBeUndefined();
    expect(faults.list()).toEqual([]);
  });

  it("last for ever with times 0, until they are cleared", () => {
    const faults = createFaults();
    faults.replace([{ match: {}, delayMs: 1, times: 0 }]);
    for (let n = 0; n < 5; n += 1) expect(faults.take(post("/"))?.delayMs).toBe(1);
    faults.clear();
    expect(faults.take(post("/"))).toBeUndefined();
  });
});
