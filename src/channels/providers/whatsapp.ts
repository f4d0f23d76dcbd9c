import { z } from "zod";
import type { Identity, MediaType } from "../contract.ts";
import { mayBeLeftOut } from "./fields.ts";
import { postMessage, probeAccount } from "./graph.ts";
import { appCredentials, handshake, metaId, verify } from "./meta.ts";
import {
  refused,
  type Credentials,
  type Outbound,
  type Probe,
  type Provider,
  type SendOutcome,
  type Spelling,
  type World,
} from "./provider.ts";
import { idAt, listAt, textAt } from "./read.ts";
import { parse } from "./whatsapp-callback.ts";
import { templatePayload } from "./whatsapp-template-payload.ts";
import { templates } from "./whatsapp-templates.ts";

/** The WhatsApp Cloud API. */
export const whatsapp: Provider = {
  account: metaId("The phone number's id (WhatsApp → API setup), not the number."),
  credentials: z.strictObject({
    ...appCredentials,
    waba_id: mayBeLeftOut(metaId("The WhatsApp Business account's id, of the same page: its templates can be sent.")),
  }),
  reaches: ["phone", "whatsapp_user"],
  door: "meta",
  handshake,
  verify,
  parse,
  send,
  probe,
  templates,
};

/** POST /{phone_number_id}/messages. https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages */
async function send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const address = outbound.to.find(({ kind }) => whatsapp.reaches.includes(kind));
  if (!address) return refused("recipient_unreachable", "The contact has neither a phone number nor a WhatsApp user id.");
  const payload = payloadOf(outbound);
  if (!payload)
    return refused("content_type_unsupported", "WhatsApp needs the file's address, and carries no caption with audio or a sticker.");
  return postMessage(
    {
      host: "meta_graph_url",
      body: {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        ...(address.kind === "phone" ? { to: address.value } : { recipient: address.value }),
        biz_opaque_callback_data: outbound.message_id,
        ...payload,
      },
      readId: (answer) => idAt(listAt(answer, "messages")[0], "id"),
      readSpelling: (answer) => spellingOf(address, textAt(listAt(answer, "contacts")[0], "wa_id")),
    },
    outbound,
    credentials,
    world,
  );
}

/** A number may be another at WhatsApp, as in Brazil, Mexico and Argentina: answers come from that one. */
function spellingOf(of: Identity, wa_id: string | null): Spelling | undefined {
  if (of.kind !== "phone" || wa_id === null || wa_id === of.value || !/^\d{5,20}$/.test(wa_id)) return undefined;
  return { of, is: { kind: "phone", value: wa_id } };
}

const captioned: readonly MediaType[] = ["image", "video", "document"];

function payloadOf({ content, parameters = [] }: Outbound): object | null {
  if (content.type === "template") return templatePayload(content, parameters);
  if (content.type === "text") return { type: "text", text: { body: content.text, preview_url: false } };
  if (content.type !== "media") return null;
  const { media_type, url: link, caption } = content;
  if (!link || (caption && !captioned.includes(media_type))) return null;
  const filename = media_type === "document" ? filenameOf(link) : null;
  return { type: media_type, [media_type]: { link, ...(caption && { caption }), ...(filename && { filename }) } };
}

/** Without one, WhatsApp shows a document as "Untitled". */
function filenameOf(link: string): string | null {
  try {
    return decodeURIComponent(new URL(link).pathname.split("/").at(-1) ?? "").slice(-240) || null;
  } catch {
    return null;
  }
}

/** The number, and the name that customers see. */
function probe(account_id: string, credentials: Credentials, world: World): Promise<Probe> {
  const fields = ["display_phone_number", "verified_name"];
  const nameOf = (said: unknown) =>
    fields
      .map((field) => textAt(said, field))
      .filter((part) => part !== null)
      .join(", ") || null;
  return probeAccount({ host: "meta_graph_url", fields, nameOf }, account_id, credentials, world);
}
