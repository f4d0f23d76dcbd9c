import { z } from "zod";
import type { Content, MediaType } from "../contract.ts";
import { postMessage, probeAccount, type GraphHost } from "./graph.ts";
import { parseMessaging, type PersonKind } from "./meta-messaging-callback.ts";
import { appCredentials, handshake, verify } from "./meta.ts";
import { refused, type Credentials, type Outbound, type Provider, type SendOutcome, type World } from "./provider.ts";
import { idAt, textAt } from "./read.ts";

/** In what Instagram and Messenger differ. */
interface Product {
  account: Provider["account"];
  kind: PersonKind;
  host: GraphHost;
  /** The field of the account that says how it is called. */
  name_field: string;
  /** The kinds of file that it takes, in its own words. */
  files: Partial<Record<MediaType, string>>;
  /** What an ordinary answer says of itself. */
  answer: { messaging_type?: "RESPONSE" };
}

/** The channel that both of them are. */
export const messagingChannel = (product: Product): Provider => ({
  account: product.account,
  credentials: z.strictObject(appCredentials),
  reaches: [product.kind],
  door: "meta",
  handshake,
  verify,
  parse: (raw, received_at) => parseMessaging(product.kind, raw, received_at),
  send: (outbound, credentials, world) => send(product, outbound, credentials, world),
  probe: (account_id, credentials, world) =>
    probeAccount(
      { host: product.host, fields: [product.name_field], nameOf: (said) => textAt(said, product.name_field) },
      account_id,
      credentials,
      world,
    ),
});

/** Meta's tag for what a person of the business wrote, 24 hours to 7 days after the customer's last message. */
const human_agent = { messaging_type: "MESSAGE_TAG", tag: "HUMAN_AGENT" };

/** `metadata` comes back in the echo of the message. */
async function send(product: Product, outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const id = outbound.to.find(({ kind }) => kind === product.kind)?.value;
  if (!id) return refused("recipient_unreachable", `The contact has no ${product.kind}: they must write first.`);
  const message = messageOf(outbound.content, product.files);
  if (!message) return refused("content_type_unsupported", "The channel needs the address of a file of a kind it takes, and no caption.");
  return postMessage(
    {
      host: product.host,
      body: {
        recipient: { id },
        ...(outbound.as_human_agent ? human_agent : product.answer),
        message: { ...message, metadata: outbound.message_id },
      },
      readId: (answer) => idAt(answer, "message_id"),
    },
    outbound,
    credentials,
    world,
  );
}

function messageOf(content: Content, files: Product["files"]): object | null {
  if (content.type === "text") return { text: content.text };
  if (content.type !== "media") return null;
  const type = files[content.media_type];
  if (!type || !content.url || content.caption) return null;
  return { attachment: { type, payload: { url: content.url } } };
}
