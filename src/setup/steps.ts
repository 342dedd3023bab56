import { Listr, ListrLogger, ProcessOutput } from "listr2";

/** Something that a person waits for. `run` tells what it is doing, line by line. */
export interface LongStep {
  title: string;
  run(onLine: (line: string) => void): Promise<void>;
}

/** Runs the steps one after the other and shows them on stderr: moving on a terminal, plain lines in a pipe. Throws what a step throws. */
export async function runSteps(steps: LongStep[]): Promise<void> {
  if (steps.length === 0) return;
  // Its own default writes to stdout, which belongs to data.
  const logger = new ListrLogger({
    useIcons: process.stderr.isTTY === true,
    processOutput: new ProcessOutput(process.stderr, process.stderr),
  });
  const tasks = steps.map((step) => ({
    title: step.title,
    task: (_: unknown, task: { output: string }) =>
      step.run((line) => {
        task.output = line;
      }),
  }));
  const options = { concurrent: false, exitOnError: true, registerSignalListeners: false } as const;
  const list =
    process.stderr.isTTY && process.stdout.isTTY
      ? new Listr(tasks, { ...options, renderer: "default", rendererOptions: { logger } })
      : new Listr(tasks, { ...options, renderer: "simple", rendererOptions: { logger } });
  await list.run();
}
