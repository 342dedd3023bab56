/** Of the sandboxes that tests make without an App. Each worker has its own: what the kernel counts by uid is then counted by worker. */
const worker = Number(process.env.VITEST_POOL_ID ?? "1");

export const sealedUid = 700_255 - 2 * (worker - 1);
export const firewalledUid = sealedUid - 1;
