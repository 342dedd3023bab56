import { EventSourceParserStream } from "eventsource-parser/stream";

export interface Event {
  event?: string | undefined;
  id?: string | undefined;
  data: string;
}

/** Reads a stream of server-sent events, one `until` at a time. Leaving the block hangs up, as a visitor would. */
export function openEvents(answer: Response): {
  until(found: (event: Event) => boolean): Promise<Event[]>;
  ended(): Promise<Event[]>;
  [Symbol.asyncDispose](): Promise<void>;
} {
  if (!answer.body) throw new Error("the answer has no body");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader();
  const read = async (found: (event: Event) => boolean) => {
    const seen: Event[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { seen, done };
      seen.push(value);
      if (found(value)) return { seen, done };
    }
  };
  return {
    async until(found) {
      const { seen, done } = await read(found);
      if (done) throw new Error(`the stream ended after ${seen.length} events`);
      return seen;
    },
    ended: async () => (await read(() => false)).seen,
    [Symbol.asyncDispose]: () => reader.cancel(),
  };
}
