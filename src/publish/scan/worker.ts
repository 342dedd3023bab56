import { parentPort, workerData } from "node:worker_threads";
import { lintSource } from "@secretlint/core";
import { rules } from "@secretlint/secretlint-rule-preset-recommend";

/** In a thread of its own, so that text made to be slow for a rule's pattern holds nobody up: the caller ends it. */
const { content } = workerData as { content: string };

// One by one and without the rule that filters by comments: with it a line of the agent's would switch the others off.
const kept = rules.filter((rule) => !rule.meta.id.endsWith("rule-filter-comments"));
const result = await lintSource({
  source: { filePath: "/added.txt", content, ext: ".txt", contentType: "text" },
  options: {
    config: { rules: kept.map((rule) => ({ id: rule.meta.id, rule })) },
    maskSecrets: true,
    noPhysicFilePath: true,
  },
});
parentPort?.postMessage(
  result.messages.map(({ ruleId, range }) => ({
    kind: ruleId.replace(/^@secretlint\/secretlint-rule-/, ""),
    start: range[0],
    end: range[1],
  })),
);
