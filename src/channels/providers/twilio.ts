import { createHmac } from "node:crypto";
import { ask, type ProviderAnswer } from "./ask.ts";
import { sameSecret } from "./meta.ts";
import { refused, type Credentials, type HookRequest, type SendError, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, hashOf, readJson, textAt } from "./read.ts";
import { meaningOf } from "./twilio-errors.ts";

/** What SMS and voice have in common at Twilio: the signature, the forms, the questions and their errors. */

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

/** The fields of a form, or of the JSON that some of Twilio's products send instead. */
export function readForm(said: string): unknown {
  return said.startsWith("{") ? readJson(said) : Object.fromEntries(new URLSearchParams(said));
}

/** `SM…`, `CA…`: two letters and some more. Whatever else stands in its place is no id. */
export function sidAt(form: unknown, ...path: string[]): string | null {
  const sid = textAt(form, ...path);
  return sid !== null && /^[A-Z]{2}\w{1,62}$/.test(sid) ? sid : null;
}

export function secondsAt(form: unknown, name: string): number | null {
  const said = textAt(form, name) ?? "";
  return /^\d{1,7}$/.test(said) ? Number(said) : null;
}

export const webAddress = (text: string | null): string | null => (text !== null && /^https?:\/\//i.test(text) ? text : null);

/** POST {api}/2010-04-01/Accounts/{sid}/{resource}.json; what it made, or changed, is told by its id. */
export async function postForm(
  resource: string,
  form: [name: string, value: string][],
  credentials: Credentials,
  world: World,
): Promise<SendOutcome> {
  const [account_sid = "", auth_token = ""] = [credentials["account_sid"], credentials["auth_token"]];
  if (!/^AC\w+$/.test(account_sid) || auth_token === "")
    return refused("channel_auth_failed", "The channel has no usable account sid and auth token.");
  const answer = await ask(
    {
      url: `${world.settings.twilio_api_url}/2010-04-01/Accounts/${account_sid}/${resource}.json`,
      headers: {
        authorization: `Basic ${Buffer.from(`${account_sid}:${auth_token}`).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: new URLSearchParams(form).toString(),
      secret: auth_token,
    },
    world,
  );
  return "outcome" in answer ? answer : outcomeOf(answer);
}

function outcomeOf({ status, ok, said, retry_after_ms }: ProviderAnswer): SendOutcome {
  if (ok) {
    const external_id = sidAt(said, "sid");
    return external_id
      ? { outcome: "sent", external_id, status: "sent" }
      : { outcome: "unknown", detail: `HTTP ${status} without the message's sid.` };
  }
  const code = textAt(said, "code");
  if (status >= 500 && code === null) return { outcome: "unknown", detail: `HTTP ${status}, and not from Twilio itself.` };
  const error = twilioError(code, textAt(said, "message"), status);
  return meaningOf(code, status).retryable ? { outcome: "retry", error, retry_after_ms } : { outcome: "failed", error };
}

/** An error as Twilio's API and its callbacks tell it, with Twilio's code. */
export function twilioError(code: string | null, message: string | null, http_status: number | null): SendError {
  const words = message ?? (code ? `Twilio's error ${code}` : http_status ? `HTTP ${http_status}` : "No reason was given");
  return { code: meaningOf(code, http_status).code, detail: cut(words, detail_limit), provider_code: code && cut(code, 40) };
}

/** A value of the query of the hook's URL, which is ours and signed. */
export const inQuery = (url: string | undefined, name: string): string | null => (url ? new URL(url).searchParams.get(name) : null);

export const has = (form: unknown, name: string): boolean => at(form, name) !== undefined;
