/** Whether a signature (X-Hub-Signature-256) stands for these bytes. Compares in constant time. */
export type Verify = (body: string, signature: string) => Promise<boolean>;

/** Takes a delivery that is signed with the webhook secret or, while that is being changed, with the one before; nothing else.
 *  `tellFormer`: called for each of the latter, so that the operator knows when none come any more. */
export function acceptEither(of: { current: Verify; former: Verify | undefined; tellFormer(): void }): Verify {
  return async (body, signature) => {
    if (await of.current(body, signature)) return true;
    if (!(await of.former?.(body, signature))) return false;
    of.tellFormer();
    return true;
  };
}
