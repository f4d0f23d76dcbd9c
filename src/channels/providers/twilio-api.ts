import { outcomeOf, toldBy, type Wording } from "./answers.ts";
import { ask, type NoAnswer, type ProviderAnswer } from "./ask.ts";
import { denied, refused, type Credentials, type Denial, type Probe, type SendError, type SendOutcome, type World } from "./provider.ts";
import { cut, detail_limit, listAt, textAt } from "./read.ts";
import { meaningOf } from "./twilio-errors.ts";
import { sidAt } from "./twilio-form.ts";

/** Twilio's REST API: sending, asking, and its errors. */

/** POST {account}/{resource}.json; what it made, or changed, is told by its id. */
export async function postForm(
  resource: string,
  form: [name: string, value: string][],
  credentials: Credentials,
  world: World,
): Promise<SendOutcome> {
  const answer = await askTwilio(`/${resource}.json`, credentials, world, new URLSearchParams(form).toString());
  if (answer === null) return refused("channel_auth_failed", no_account);
  return outcomeOf(answer, twilioWording, (said) => {
    const external_id = sidAt(said, "sid");
    return external_id === null ? null : { external_id };
  });
}

/** The account, which must be active, and then its number, if what messages come from is one. */
export async function probe(account_id: string, credentials: Credentials, world: World): Promise<Probe> {
  const account = await readTwilio(".json", credentials, world);
  if (!account.ok) return account;
  const status = textAt(account.said, "status");
  if (status !== "active") return denied("provider_invalid_request", `The account is ${cut(status ?? "not told of", 40)}.`);
  if (account_id.startsWith("+")) {
    const numbers = await readTwilio(`/IncomingPhoneNumbers.json?PhoneNumber=${encodeURIComponent(account_id)}`, credentials, world);
    if (!numbers.ok) return numbers;
    const is_theirs = listAt(numbers.said, "incoming_phone_numbers").some((number) => textAt(number, "phone_number") === account_id);
    if (!is_theirs) return denied("provider_invalid_request", `The account has no number ${account_id}.`);
  }
  return { ok: true, detail: `Twilio knows it as ${cut(textAt(account.said, "friendly_name") ?? "one without a name", 200)}.` };
}

async function readTwilio(resource: string, credentials: Credentials, world: World): Promise<{ ok: true; said: unknown } | Denial> {
  const answer = await askTwilio(resource, credentials, world);
  return answer === null ? denied("channel_auth_failed", no_account) : toldBy(answer, twilioWording);
}

const no_account = "The channel has no usable account sid and auth token.";

/** {api}/2010-04-01/Accounts/{sid}…: a POST where there is a form; null where there is nobody to ask as. */
async function askTwilio(
  resource: string,
  credentials: Credentials,
  world: World,
  form?: string,
): Promise<ProviderAnswer | NoAnswer | null> {
  const { account_sid = "", auth_token = "" } = credentials;
  if (!/^AC\w+$/.test(account_sid) || auth_token === "") return null;
  const authorization = `Basic ${Buffer.from(`${account_sid}:${auth_token}`).toString("base64")}`;
  return ask(
    {
      url: `${world.settings.twilio_api_url}/2010-04-01/Accounts/${account_sid}${resource}`,
      headers: { authorization, ...(form !== undefined && { "content-type": "application/x-www-form-urlencoded" }) },
      ...(form !== undefined && { body: form }),
      secret: auth_token,
    },
    world,
  );
}

const twilioWording: Wording = {
  speaker: "Twilio",
  codeOf: (said) => textAt(said, "code"),
  refusalOf({ status, said }) {
    const code = textAt(said, "code");
    return { error: twilioError(code, textAt(said, "message"), status), retryable: meaningOf(code, status).retryable };
  },
};

/** An error as Twilio's API and its callbacks tell it, with Twilio's code. */
export function twilioError(code: string | null, message: string | null, http_status: number | null): SendError {
  const words = message ?? (code ? `Twilio's error ${code}` : http_status ? `HTTP ${http_status}` : "No reason was given");
  return { code: meaningOf(code, http_status).code, detail: cut(words, detail_limit), provider_code: code && cut(code, 40) };
}
