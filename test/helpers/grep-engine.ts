/** Looks for bytes in what the engine keeps: the layers of an image, the file system of a container. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

/** Which of the texts stand in what `docker ARGS` writes, each once. Nothing is unpacked; a text must not have a line's end in it. */
export async function grepEngine(args: readonly string[], texts: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "airlock-grep-"));
  try {
    const patterns = join(folder, "patterns");
    await writeFile(patterns, texts.join("\n"), { mode: 0o600 });
    // The shell's own pipe: hundreds of megabytes need not come through here. In the C locale, bytes are bytes.
    const script = `docker "$@" | grep -a -o -F -f "$PATTERNS"; was=("\${PIPESTATUS[@]}"); [ \${was[0]} = 0 ] && [ \${was[1]} -le 1 ]`;
    const env = { LC_ALL: "C", PATTERNS: patterns };
    const found = await execa("bash", ["-c", script, "bash", ...args], { env, stdin: "ignore" });
    return [...new Set(found.stdout.split("\n").filter((line) => line !== ""))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A plain container whose image and whose own file system hold a secret each, as somebody would leave it there by mistake. */
export async function openPlanted(of: {
  inImage: string;
  inContainer: string;
}): Promise<{ image: string; id: string } & AsyncDisposable> {
  await using held = new AsyncDisposableStack();
  const folder = held.adopt(await mkdtemp(join(tmpdir(), "airlock-planted-")), (made) => rm(made, { recursive: true }));
  await writeFile(join(folder, "image.env"), `KEY=${of.inImage}\n`);
  await writeFile(join(folder, "container.env"), `KEY=${of.inContainer}\n`);
  await execa("tar", ["-C", folder, "-cf", join(folder, "root.tar"), "image.env"]);
  const { stdout: image } = await execa("docker", ["import", join(folder, "root.tar")]);
  held.defer(async () => void (await execa("docker", ["rmi", image])));
  const { stdout: id } = await execa("docker", ["create", "--network", "none", image, "/none"]);
  held.defer(async () => void (await execa("docker", ["rm", "-f", id])));
  await execa("docker", ["cp", join(folder, "container.env"), `${id}:/container.env`]);
  const kept = held.move();
  return { image, id, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
