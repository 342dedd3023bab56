import { createPrivateKey } from "node:crypto";

/**
 * The App's private key as PEM, from any of the forms that people paste: PEM, PEM with `\n` written out, PEM on one line, or
 * base64 of one of these (the forms of @probot/get-private-key, without its fallback to any *.pem in the working folder).
 * Undefined if no RSA key is in it.
 */
export function parsePrivateKey(text: string): string | undefined {
  const pasted = isBase64(text) ? Buffer.from(text, "base64").toString("utf8") : text;
  const match = /-----BEGIN ((?:RSA )?PRIVATE KEY)-----([\s\S]+?)-----END \1-----/.exec(pasted.replaceAll("\\n", "\n"));
  if (!match) return undefined;
  const [, kind, body = ""] = match;
  const lines = body.replace(/\s+/g, "").match(/.{1,64}/g) ?? [];
  const pem = [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ""].join("\n");
  return isRsaKey(pem) ? pem : undefined;
}

function isBase64(text: string): boolean {
  const compact = text.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(compact);
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === "rsa";
  } catch {
    // Whatever OpenSSL cannot read is no key; its error could quote the text.
    return false;
  }
}
