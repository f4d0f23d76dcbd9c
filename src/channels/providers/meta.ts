import { createHmac, timingSafeEqual } from "node:crypto";
import { sameSecret } from "../../core/same-secret.ts";
import { idOfForm, secretField, tokenField } from "./fields.ts";
import type { Credentials, HookRequest } from "./provider.ts";

/** What an app of Meta's is reached by; only the token is an account's own. */
export const appCredentials = {
  app_secret: secretField("The app's secret: App settings → Basic. It signs what Meta posts."),
  verify_token: secretField("A word of your own choice; Meta repeats it when you enter the callback URL."),
  access_token: tokenField("A token that does not expire, of a system user or of the account itself."),
};

/** Meta's ids are numbers that no JavaScript number can hold. */
export const metaId = (description: string) => idOfForm(/^\d{5,25}$/, description, "106540352242922", "5 to 25 digits");

/** The hook's two questions, the same for WhatsApp, Instagram and Messenger. */

/** Answers `hub.challenge` to a subscription that knows the channel's `verify_token`. */
export function handshake(query: URLSearchParams, credentials: Credentials): string | undefined {
  if (query.get("hub.mode") !== "subscribe") return undefined;
  if (!sameSecret(query.get("hub.verify_token") ?? undefined, credentials["verify_token"])) return undefined;
  return query.get("hub.challenge") ?? undefined;
}

/** `X-Hub-Signature-256: sha256=<hex HMAC-SHA256(app secret, the bytes)>`. */
export function verify(request: HookRequest, credentials: Credentials): boolean {
  const app_secret = credentials["app_secret"];
  const given = /^sha256=([0-9a-f]{64})$/i.exec(request.header("x-hub-signature-256") ?? "")?.[1];
  if (!app_secret || !given) return false;
  return timingSafeEqual(createHmac("sha256", app_secret).update(request.raw).digest(), Buffer.from(given, "hex"));
}
