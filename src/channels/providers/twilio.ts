import { createHmac } from "node:crypto";
import { sameSecret } from "../../core/same-secret.ts";
import { idOfForm, secretField } from "./fields.ts";
import type { Credentials, HookRequest } from "./provider.ts";
import { hashOf } from "./read.ts";

/** What an account of Twilio's is reached by. */
export const accountCredentials = {
  account_sid: idOfForm(/^AC[0-9a-f]{32}$/, "The account's SID: Console → Account info.", "AC00000000000000000000000000000001"),
  auth_token: secretField("The account's auth token, of the same page. It signs what Twilio posts."),
};

/** E.164: Twilio names its numbers so. */
export const phoneNumber = (description: string) => idOfForm(/^\+[1-9]\d{6,14}$/, description, "+15550100200");

/**
 * `X-Twilio-Signature`: base64 HMAC-SHA1(auth token, the URL and all names with their values). Of a body that is
 * JSON the URL carries the hash, `bodySHA256`. https://www.twilio.com/docs/usage/security
 */
export function verify(request: HookRequest, credentials: Credentials): boolean {
  const auth_token = credentials["auth_token"];
  const given = request.header("x-twilio-signature");
  if (!auth_token || !given) return false;
  const body_hash = new URL(request.url).searchParams.get("bodySHA256");
  if (body_hash !== null && !sameSecret(body_hash.toLowerCase(), hashOf(request.raw))) return false;
  const said = body_hash === null ? sortedForm(request.raw) : "";
  const signature = (url: string) => createHmac("sha1", auth_token).update(`${url}${said}`).digest("base64");
  return spellingsOf(request.url).some((url) => sameSecret(given, signature(url)));
}

/** Every name with each of its values, a repeated value once, all of it sorted. */
function sortedForm(raw: Uint8Array): string {
  const values = new Map<string, Set<string>>();
  for (const [name, value] of new URLSearchParams(new TextDecoder().decode(raw))) {
    const known = values.get(name);
    if (known) known.add(value);
    else values.set(name, new Set([value]));
  }
  const sorted = [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([name, given]) => [...given].toSorted().map((value) => name + value)).join("");
}

/** Twilio's products do not agree whether the port belongs to what is signed; its own libraries accept both. */
function spellingsOf(url: string): string[] {
  const default_port = url.startsWith("https:") ? 443 : 80;
  const port = new URL(url).port || default_port;
  return ["", `:${port}`].map((spelt) => url.replace(/^(https?:\/\/[^/:?]+)(:\d+)?/, `$1${spelt}`));
}
