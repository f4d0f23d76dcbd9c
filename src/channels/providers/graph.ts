import { ask, type ProviderAnswer } from "./ask.ts";
import { meaningOf } from "./meta-errors.ts";
import { refused, type Credentials, type SendError, type SendOutcome, type World } from "./provider.ts";
import { at, cut, detail_limit, textAt } from "./read.ts";

/** Sending by Meta's Graph API, and its errors. */

interface GraphSend {
  url: string;
  body: object;
  /** Where the answer tells the message's id. */
  readId(answer: unknown): string | null;
}

/**
 * Posts one message to the Graph API. `retry` only if it certainly was not executed: never connected, or
 * refused by Meta in so many words. What a gateway says of a request it passed on proves nothing.
 */
export async function postMessage(send: GraphSend, credentials: Credentials, world: World): Promise<SendOutcome> {
  const access_token = credentials["access_token"] ?? "";
  if (!/^[\x21-\x7e]+$/.test(access_token)) return refused("channel_auth_failed", "The channel has no usable access token.");

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

function outcomeOf({ status, ok, said: answer, retry_after_ms }: ProviderAnswer, send: GraphSend): SendOutcome {
  if (ok) {
    const external_id = send.readId(answer);
    return external_id
      ? { outcome: "sent", external_id, status: "sent" }
      : { outcome: "unknown", detail: `HTTP ${status} without a message id.` };
  }
  const said = at(answer, "error");
  if (status >= 500 && textAt(said, "code") === null)
    return { outcome: "unknown", detail: `HTTP ${status}, and not from the Graph API itself.` };
  const error = graphError(said, status);
  if (!meaningOf(textAt(said, "code"), textAt(said, "error_subcode"), status).retryable) return { outcome: "failed", error };
  return { outcome: "retry", error, retry_after_ms };
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
