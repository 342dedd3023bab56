import examples from "@octokit/webhooks-examples" with { type: "json" };

/** GitHub's own example of a delivery, freely changeable. `pick`: from 0, among the examples of that action. */
export function examplePayload(event: string, action: string, pick = 0): Payload {
  const found = (examples as unknown as { name: string; examples: Payload[] }[])
    .find(({ name }) => name === event)
    ?.examples.filter((example) => example.action === action)[pick];
  if (!found) throw new Error(`GitHub has no example ${pick} of ${event}.${action}`);
  // The examples are of webhooks and Apps mixed: what an App gets names its installation.
  return { installation: { id: 77 }, ...structuredClone(found) };
}

// biome-ignore lint/suspicious/noExplicitAny: examples are changed field by field, as an attacker or an older GitHub would.
export type Payload = any;
