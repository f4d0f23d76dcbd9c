import { outcomeOf, toldBy, type Wording } from "./answers.ts";
import { ask } from "./ask.ts";
import { meaningOf } from "./meta-errors.ts";
import {
  denied,
  refused,
  type Credentials,
  type Denial,
  type Outbound,
  type Probe,
  type SendError,
  type SendOutcome,
  type Spelling,
  type World,
} from "./provider.ts";
import { at, cut, detail_limit, textAt } from "./read.ts";

/** Meta's Graph API: sending, asking, and its errors. */

export type GraphHost = "meta_graph_url" | "instagram_graph_url";

/** The address of one node of it, such as an account. */
export const nodeUrl = (host: GraphHost, node: string, { settings }: World): string =>
  `${settings[host]}/${settings.meta_graph_version}/${encodeURIComponent(node)}`;

interface GraphMessage {
  host: GraphHost;
  body: object;
  /** Where the answer tells the message's id. */
  readId: (answer: unknown) => string | null;
  /** Where it tells how the recipient is called there, if that is otherwise. */
  readSpelling?: (answer: unknown) => Spelling | undefined;
}

/** POST /{account}/messages. */
export async function postMessage(
  { host, body, readId, readSpelling }: GraphMessage,
  { account_id }: Outbound,
  credentials: Credentials,
  world: World,
): Promise<SendOutcome> {
  const access_token = tokenOf(credentials);
  if (access_token === null) return refused("channel_auth_failed", no_token);
  const answer = await ask(
    {
      url: `${nodeUrl(host, account_id, world)}/messages`,
      headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      secret: access_token,
    },
    world,
  );
  return outcomeOf(answer, graphWording, (said) => {
    const external_id = readId(said);
    return external_id === null ? null : { external_id, known_as: readSpelling?.(said) };
  });
}

interface Account {
  host: GraphHost;
  fields: readonly string[];
  /** How it is called, in the answer. */
  nameOf: (said: unknown) => string | null;
}

/** GET /{account}, to see whether it is there and may be read. */
export async function probeAccount(
  { host, fields, nameOf }: Account,
  account_id: string,
  credentials: Credentials,
  world: World,
): Promise<Probe> {
  const told = await readGraph(`${nodeUrl(host, account_id, world)}?fields=${["id", ...fields].join(",")}`, credentials, world);
  return told.ok ? { ok: true, detail: `Meta knows it as ${cut(nameOf(told.said) ?? "one without a name", 200)}.` } : told;
}

/** What stands at an address of the Graph API. */
export async function readGraph(url: string, credentials: Credentials, world: World): Promise<{ ok: true; said: unknown } | Denial> {
  const access_token = tokenOf(credentials);
  if (access_token === null) return denied("channel_auth_failed", no_token);
  return toldBy(await ask({ url, headers: { authorization: `Bearer ${access_token}` }, secret: access_token }, world), graphWording);
}

const no_token = "The channel has no usable access token.";

/** One that a header can carry. */
function tokenOf(credentials: Credentials): string | null {
  const access_token = credentials["access_token"] ?? "";
  return /^[\x21-\x7e]+$/.test(access_token) ? access_token : null;
}

const graphWording: Wording = {
  speaker: "the Graph API",
  codeOf: (said) => textAt(said, "error", "code"),
  refusalOf({ status, said }) {
    const error = at(said, "error");
    const { retryable } = meaningOf(textAt(error, "code"), textAt(error, "error_subcode"), status);
    return { error: graphError(error, status), retryable };
  },
};

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
