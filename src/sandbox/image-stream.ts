import type { Engine } from "./engine.ts";

/** The image's id and labels, or undefined where the engine has none of that name. `reference`: a tag or an id. */
export async function findImage(engine: Engine, reference: string): Promise<{ id: string } | undefined> {
  try {
    return { id: (await engine.docker.getImage(reference).inspect()).Id };
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Reads the engine's answer to a build, pull or import to its end. Throws what the engine reports as an error inside of it. */
export function followBuild(engine: Engine, stream: NodeJS.ReadableStream, onProgress: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    // Taken from docker-modem, not from dockerode: the latter loads gRPC for it.
    engine.docker.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event: { stream?: string; status?: string; error?: string }) => {
        if (event.error !== undefined) return reject(new Error(event.error));
        const line = (event.stream ?? event.status ?? "").trim();
        if (line !== "") onProgress(line);
      },
    );
  });
}

/** The HTTP status of an error of the engine's, or undefined where it is none. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === "number" ? status : undefined;
}
