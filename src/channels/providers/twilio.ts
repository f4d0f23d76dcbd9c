import { createHmac } from "node:crypto";
import { sameSecret } from "../../core/same-secret.ts";
import { ask, probeOf, type NoAnswer, type ProviderAnswer } from "./ask.ts";
import { idOfForm, secretField } from "./fields.ts";
import { refused, type Credentials, type HookRequest, type Probe, type SendError, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, hashOf, listAt, readJson, textAt } from "./read.ts";
import { meaningOf } from "./twilio-errors.ts";

/** What SMS and voice have in common at Twilio: the signature, the forms, the questions and their errors. */

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
  const answer = await askTwilio(`/${resource}.json`, credentials, world, new URLSearchParams(form).toString());
  if (answer === null) return refused("channel_auth_failed", no_account);
  return "outcome" in answer ? answer : outcomeOf(answer);
}

const no_account = "The channel has no usable account sid and auth token.";

/** {api}/2010-04-01/Accounts/{sid}…: a POST where there is a form; null where there is nobody to ask as. */
async function askTwilio(
  resource: string,
  credentials: Credentials,
  { network, settings }: World,
  form?: string,
): Promise<ProviderAnswer | NoAnswer | null> {
  const [account_sid = "", auth_token = ""] = [credentials["account_sid"], credentials["auth_token"]];
  if (!/^AC\w+$/.test(account_sid) || auth_token === "") return null;
  const authorization = `Basic ${Buffer.from(`${account_sid}:${auth_token}`).toString("base64")}`;
  return ask(
    {
      url: `${settings.twilio_api_url}/2010-04-01/Accounts/${account_sid}${resource}`,
      headers: { authorization, ...(form !== undefined && { "content-type": "application/x-www-form-urlencoded" }) },
      ...(form !== undefined && { body: form }),
      secret: auth_token,
    },
    { network, settings },
  );
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
  const { error, retryable } = refusalOf({ status, said });
  return retryable ? { outcome: "retry", error, retry_after_ms } : { outcome: "failed", error };
}

function refusalOf({ status, said }: Pick<ProviderAnswer, "status" | "said">): { error: SendError; retryable: boolean } {
  const code = textAt(said, "code");
  return { error: twilioError(code, textAt(said, "message"), status), retryable: meaningOf(code, status).retryable };
}

/** The account, which must be active, and then its number, if what messages come from is one. */
export async function probe(account_id: string, credentials: Credentials, world: World): Promise<Probe> {
  const account = await probeResource(".json", credentials, world, (said) => {
    const status = textAt(said, "status");
    return status === "active" ? known(textAt(said, "friendly_name")) : unusable(`The account is ${cut(status ?? "not told of", 40)}.`);
  });
  if (!account.ok || !account_id.startsWith("+")) return account;
  const numbers = `/IncomingPhoneNumbers.json?PhoneNumber=${encodeURIComponent(account_id)}`;
  return probeResource(numbers, credentials, world, (said) =>
    listAt(said, "incoming_phone_numbers").some((number) => textAt(number, "phone_number") === account_id)
      ? account
      : unusable(`The account has no number ${account_id}.`),
  );
}

async function probeResource(resource: string, credentials: Credentials, world: World, read: (said: unknown) => Probe): Promise<Probe> {
  const answer = await askTwilio(resource, credentials, world);
  if (answer === null)
    return { ok: false, error: { code: "channel_auth_failed", detail: no_account, provider_code: null }, is_passing: false };
  return probeOf(answer, refusalOf, read);
}

const known = (name: string | null): Probe => ({ ok: true, detail: `Twilio knows it as ${cut(name ?? "one without a name", 200)}.` });

const unusable = (detail: string): Probe => ({
  ok: false,
  error: { code: "provider_invalid_request", detail, provider_code: null },
  is_passing: false,
});

/** An error as Twilio's API and its callbacks tell it, with Twilio's code. */
export function twilioError(code: string | null, message: string | null, http_status: number | null): SendError {
  const words = message ?? (code ? `Twilio's error ${code}` : http_status ? `HTTP ${http_status}` : "No reason was given");
  return { code: meaningOf(code, http_status).code, detail: cut(words, detail_limit), provider_code: code && cut(code, 40) };
}

/** A value of the query of the hook's URL, which is ours and signed. */
export const inQuery = (url: string | undefined, name: string): string | null => (url ? new URL(url).searchParams.get(name) : null);

export const has = (form: unknown, name: string): boolean => at(form, name) !== undefined;
