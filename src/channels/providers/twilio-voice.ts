import { z } from "zod";
import { idOfForm, mayBeLeftOut, secretField } from "./fields.ts";
import { refused, type Credentials, type Outbound, type Provider, type SendOutcome, type World } from "./provider.ts";
import { postForm, probe } from "./twilio-api.ts";
import { parse } from "./twilio-voice-callback.ts";
import { answer, listen, say } from "./twilio-voice-turns.ts";
import { accountCredentials, phoneNumber, verify } from "./twilio.ts";
import { twiml } from "./twiml.ts";

/**
 * Calls by Twilio: a caller is listened to turn by turn (`gather`), or leaves a message (`voicemail`). Forwarding,
 * conferences, softphones and ConversationRelay are not served.
 */
export const twilioVoice: Provider = {
  account: phoneNumber("The number of the account that is called, in E.164."),
  credentials: z.strictObject({
    ...accountCredentials,
    inbound_mode: mayBeLeftOut(
      z.enum(["gather", "voicemail"]).meta({
        description: "`gather`, which is the default: the caller is listened to turn by turn; `voicemail`: they leave a message.",
      }),
    ),
    greeting: mayBeLeftOut(secretField("What a caller hears first.", 500)),
    language: mayBeLeftOut(idOfForm(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "Which language is spoken and understood (BCP 47).", "en-US")),
  }),
  reaches: ["phone"],
  door: "twilio",
  hooks: ["voice", "status", "recording", "transcription"],
  entered_hooks: ["voice", "status"],
  handshake: () => undefined,
  verify,
  parse,
  answer,
  send,
  probe,
};

/** Twilio takes no more of it. */
const twiml_limit = 4000;

/** Speaks into the running call, and listens again. https://www.twilio.com/docs/voice/api/call-resource#update-a-call-resource */
async function send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome> {
  const { message_id, channel_id, call_id, content } = outbound;
  if (content.type !== "text") return refused("content_type_unsupported", "Only text can be spoken.");
  if (!call_id) return refused("recipient_unreachable", "No call with the contact is running.");
  const hook_url = `${world.settings.public_url}/hooks/twilio/${channel_id}/voice`;
  const spoken = twiml(say(content.text, credentials), ...listen({ hook_url, turn: `${message_id}-1` }, credentials));
  if (spoken.length > twiml_limit)
    return refused("provider_invalid_request", `Spoken with all its instructions it has more than ${twiml_limit} characters.`);
  return postForm(`Calls/${call_id}`, [["Twiml", spoken]], credentials, world);
}
