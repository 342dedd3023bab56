import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../fault.ts";

/** Encrypts what must lie on disk. A sealed text is URL-safe and names its version: "s1.…". */
export interface Seal {
  seal(text: string): string;
  /** Throws Fault "seal.broken" when the text was changed, cut, or sealed with another key. */
  open(sealed: string): string;
  /** 32 bytes that are the same for the same purpose and text, and that nobody without the key can foretell. */
  name(purpose: string, text: string): Buffer;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const version = "s1.";

/** Reads the key file, or makes it once, 0600. Throws Fault "settings.seal-key" where it cannot be used. */
export function openSeal(keyFile: string): Seal {
  const key = readKey(keyFile) ?? makeKey(keyFile);
  // A message key of its own for each text: random 96-bit nonces under one key would run out of safety after some billions of texts.
  const keyFor = (salt: Buffer) => Buffer.from(hkdfSync("sha256", key, salt, "airlock seal", keyBytes));
  return {
    seal(text) {
      const salt = randomBytes(tagBytes);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", keyFor(salt), nonce, { authTagLength: tagBytes });
      const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return version + Buffer.concat([salt, nonce, cipher.getAuthTag(), sealed]).toString("base64url");
    },
    open(sealed) {
      const bytes = sealed.startsWith(version) ? Buffer.from(sealed.slice(version.length), "base64url") : Buffer.alloc(0);
      const head = tagBytes + nonceBytes + tagBytes;
      // Decoding is lenient: without this look, changed padding bits or foreign characters would pass as the same text.
      if (bytes.length < head || bytes.toString("base64url") !== sealed.slice(version.length)) throw broken();
      const salt = bytes.subarray(0, tagBytes);
      const decipher = createDecipheriv("aes-256-gcm", keyFor(salt), bytes.subarray(tagBytes, tagBytes + nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAuthTag(bytes.subarray(tagBytes + nonceBytes, head));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(head)), decipher.final()]).toString("utf8");
      } catch (cause) {
        throw broken(cause);
      }
    },
    name(purpose, text) {
      const own = Buffer.from(hkdfSync("sha256", key, "", `airlock name ${purpose}`, keyBytes));
      return createHmac("sha256", own).update(text).digest();
    },
  };
}

function broken(cause?: unknown): Fault {
  return new Fault("seal.broken", "A sealed value cannot be opened: it was changed, or sealed with another key", {
    remedy:
      "Put the key file back that belongs to this data folder; without it the stored tokens are lost, and end by themselves within an hour",
    cause,
  });
}

function readKey(keyFile: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(keyFile, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unusable(keyFile, "cannot be read", cause);
  }
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o077) !== 0) throw unusable(keyFile, "can be read by others", undefined);
    const key = Buffer.from(readFileSync(file, "utf8").trim(), "base64");
    if (key.length !== keyBytes) throw unusable(keyFile, "is damaged", undefined);
    return key;
  } finally {
    closeSync(file);
  }
}

function makeKey(keyFile: string): Buffer {
  const draft = `${keyFile}.${randomBytes(6).toString("hex")}`;
  try {
    mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
    const file = openSync(draft, "wx", 0o600);
    try {
      writeSync(file, `${randomBytes(keyBytes).toString("base64")}\n`);
      // A key that a power cut takes back would make everything sealed with it unreadable.
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    // A link never replaces: of two processes that start at once, one makes the key and both read it.
    linkSync(draft, keyFile);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw unusable(keyFile, "cannot be made", cause);
  } finally {
    rmSync(draft, { force: true });
  }
  const key = readKey(keyFile);
  if (!key) throw unusable(keyFile, "is gone again", undefined);
  return key;
}

function unusable(keyFile: string, what: string, cause: unknown): Fault {
  return new Fault("settings.seal-key", `The key file ${keyFile} ${what}`, {
    remedy:
      "Airlock's user must own it, mode 0600, in a folder that it may write; a lost key means new tokens, a damaged one must be put back or removed",
    cause,
  });
}
