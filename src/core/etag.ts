import { hash } from "node:crypto";

/** A strong entity tag: the SHA-256 of the body as it is rendered (RFC 9110 §8.8.3). */
export const etagOf = (body: string): string => `"${hash("sha256", body, "base64url")}"`;

/** Whether a list such as `"a", W/"b"` or `*` names the tag. Only If-None-Match compares weakly (§8.8.3.2). */
export function namesTag(header: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (header.trim() === "*") return true;
  const tags = header.match(/(W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => (comparison === "weak" ? tag.replace(/^W\//, "") : tag) === etag);
}
