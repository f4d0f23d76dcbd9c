import { ask, probeOf, type NoAnswer, type ProviderAnswer } from "./ask.ts";
import { meaningOf } from "./meta-errors.ts";
import { refused, type Credentials, type Probe, type SendError, type SendOutcome, type Spelling, type World } from "./provider.ts";
import { at, cut, detail_limit, textAt } from "./read.ts";

/** Meta's Graph API: sending, asking, and its errors. */

interface GraphSend {
  url: string;
  body: object;
  /** Where the answer tells the message's id. */
  readId(answer: unknown): string | null;
  /** Where it tells how the recipient is called there, if that is otherwise. */
  readSpelling?: (answer: unknown) => Spelling | undefined;
}

/**
 * Posts one message to the Graph API. `retry` only if it certainly was not executed: never connected, or
 * refused by Meta in so many words. What a gateway says of a request it passed on proves nothing.
 */
export async function postMessage(send: GraphSend, credentials: Credentials, world: World): Promise<SendOutcome> {
  const access_token = tokenOf(credentials);
  if (access_token === null) return refused("channel_auth_failed", no_token);

  const answer = await ask(
    {
      url: send.url,
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
      body: JSON.stringify(send.body),
      secret: access_token,
    },
    world,
  );
  return "outcome" in answer ? answer : outcomeOf(answer, send);
}

export const no_token = "The channel has no usable access token.";

/** One that a header can carry. */
function tokenOf(credentials: Credentials): string | null {
  const access_token = credentials["access_token"] ?? "";
  return /^[\x21-\x7e]+$/.test(access_token) ? access_token : null;
}

function outcomeOf({ status, ok, said: answer, retry_after_ms }: ProviderAnswer, send: GraphSend): SendOutcome {
  if (ok) {
    const external_id = send.readId(answer);
    return external_id
      ? { outcome: "sent", external_id, status: "sent", known_as: send.readSpelling?.(answer) }
      : { outcome: "unknown", detail: `HTTP ${status} without a message id.` };
  }
  const said = at(answer, "error");
  if (status >= 500 && textAt(said, "code") === null)
    return { outcome: "unknown", detail: `HTTP ${status}, and not from the Graph API itself.` };
  const { error, retryable } = refusalOf({ status, said: answer });
  return retryable ? { outcome: "retry", error, retry_after_ms } : { outcome: "failed", error };
}

/** What the Graph API refused, and whether it may take it later. */
export function refusalOf({ status, said }: Pick<ProviderAnswer, "status" | "said">): { error: SendError; retryable: boolean } {
  const error = at(said, "error");
  const { retryable } = meaningOf(textAt(error, "code"), textAt(error, "error_subcode"), status);
  return { error: graphError(error, status), retryable };
}

interface GraphNode {
  url: string;
  /** How the account is called, in the answer. */
  nameOf: (said: unknown) => string | null;
}

/** Reads one node of the Graph API, to see whether it is there and may be read. */
export async function probeNode({ url, nameOf }: GraphNode, credentials: Credentials, world: World): Promise<Probe> {
  const answer = await askGraph(url, credentials, world);
  if (answer === null)
    return { ok: false, error: { code: "channel_auth_failed", detail: no_token, provider_code: null }, is_passing: false };
  return probeOf(answer, refusalOf, (said) => ({
    ok: true,
    detail: `Meta knows it as ${cut(nameOf(said) ?? "one without a name", 200)}.`,
  }));
}

/** GET of the Graph API; null where there is no token to ask with. */
export async function askGraph(url: string, credentials: Credentials, world: World): Promise<ProviderAnswer | NoAnswer | null> {
  const access_token = tokenOf(credentials);
  return access_token === null ? null : ask({ url, headers: { authorization: `Bearer ${access_token}` }, secret: access_token }, world);
}

/** An error as the Graph API and its webhooks tell it, with Meta's code, subcode and trace id. */
export function graphError(said: unknown, http_status: number | null): SendError {
  const [code, subcode, trace] = [textAt(said, "code"), textAt(said, "error_subcode"), textAt(said, "fbtrace_id")];
  const told = [textAt(said, "message") ?? textAt(said, "title"), textAt(said, "error_data", "details") ?? textAt(said, "error_user_msg")];
  const words =
    [...new Set(told)].filter((text) => text !== null).join(": ") || (http_status ? `HTTP ${http_status}` : "No reason was given");
  return {
    code: meaningOf(code, subcode, http_status).code,
    detail: cut(words, detail_limit - 100) + (trace ? ` (fbtrace_id ${cut(trace, 60)})` : ""),
    provider_code: code && cut(subcode ? `${code}/${subcode}` : code, 40),
  };
}
