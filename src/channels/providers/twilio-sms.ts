import { z } from "zod";
import type { Content } from "../contract.ts";
import { idOfForm, mayBeLeftOut } from "./fields.ts";
import { refused, type Credentials, type Outbound, type Provider, type SendOutcome, type World } from "./provider.ts";
import { postForm, probe } from "./twilio-api.ts";
import { parse } from "./twilio-sms-callback.ts";
import { accountCredentials, verify } from "./twilio.ts";
import { answering } from "./twiml.ts";

/** SMS and MMS by Twilio. */
export const twilioSms: Provider = {
  account: idOfForm(
    /^(\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11})$/,
    "What messages come from: a number of the account in E.164, a short code, or an alphanumeric sender.",
    "+15550100200",
  ),
  credentials: z.strictObject({
    ...accountCredentials,
    messaging_service_sid: mayBeLeftOut(
      idOfForm(
        /^MG[0-9a-f]{32}$/,
        "A Messaging Service that chooses the sender: Messaging → Services.",
        "MG00000000000000000000000000000001",
      ),
    ),
  }),
  reaches: ["phone"],
  door: "twilio",
  hooks: ["sms", "status"],
  entered_hooks: ["sms"],
  handshake: () => undefined,
  verify,
  parse,
  answer: () => answering(),
  send,
  probe,
};

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
async function send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const phone = outbound.to.find(({ kind }) => kind === "phone")?.value;
  if (!phone || !/^[1-9]\d{6,14}$/.test(phone)) return refused("recipient_unreachable", "The contact has no phone number in E.164.");
  const said = fieldsOf(outbound.content);
  if (!said) return refused("content_type_unsupported", "An SMS carries text, and files by their address.");
  const service = credentials["messaging_service_sid"];
  const callback = `${world.settings.public_url}/hooks/twilio/${outbound.channel_id}/status?message_id=${outbound.message_id}`;
  return postForm(
    "Messages",
    [
      ["To", `+${phone}`],
      service ? ["MessagingServiceSid", service] : ["From", outbound.account_id],
      ["StatusCallback", callback],
      ...said,
    ],
    credentials,
    world,
  );
}

function fieldsOf(content: Content): [string, string][] | null {
  if (content.type === "text") return [["Body", content.text]];
  if (content.type !== "media" || !content.url) return null;
  const file: [string, string] = ["MediaUrl", content.url];
  return content.caption ? [["Body", content.caption], file] : [file];
}
