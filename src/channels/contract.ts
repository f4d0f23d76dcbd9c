import { z } from "zod";
import { idField, listOf, pageInput, several, textField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";
import { longest_text } from "./capabilities.ts";
import { credentialsOf } from "./credential-fields.ts";
import { presentCapabilities } from "./present.ts";

export const ChannelKind = z
  .enum(["whatsapp", "instagram", "facebook_page", "twilio_sms", "twilio_voice", "web_widget"])
  .meta({ id: "ChannelKind", description: "The kind of channel a conversation takes place on.", examples: ["whatsapp"] });
export type ChannelKind = z.infer<typeof ChannelKind>;

export const ProviderName = z.enum(["sandbox", ...ChannelKind.options]).meta({
  description: "Which provider carries the messages: the channel's own, or the sandbox, which behaves like one and needs no account.",
});
export type ProviderName = z.infer<typeof ProviderName>;

export const ChannelStatus = z.enum(["connected", "disconnected", "error"]).meta({
  id: "ChannelStatus",
  description:
    "`connected`: it works, as far as is known. `error`: the provider refused the credentials or the account, as `error` says; messages are still tried. `disconnected`: nothing is sent.",
});
export type ChannelStatus = z.infer<typeof ChannelStatus>;

export const ContentType = z.enum(["text", "media", "template"]);
export type ContentType = z.infer<typeof ContentType>;

export const CallState = z
  .enum(["ringing", "in_progress", "completed", "busy", "no_answer", "canceled", "failed"])
  .meta({ description: "How far the call is; all but `ringing` and `in_progress` are final." });
export type CallState = z.infer<typeof CallState>;
export const MediaType = z.enum(["image", "video", "audio", "document", "sticker"]).meta({ description: "The kind of file." });
export type MediaType = z.infer<typeof MediaType>;

export const Content = z
  .discriminatedUnion("type", [
    z
      .object({ type: z.literal("text"), text: textField(longest_text, z.string().min(1)).meta({ description: "What was written." }) })
      .meta({ id: "TextContent", description: "Plain text.", examples: [{ type: "text", text: story.question }] }),
    z
      .object({
        type: z.literal("media"),
        media_type: MediaType,
        url: z.string().nullable().meta({ description: "Where the file is; null where the provider keeps it and gave only a reference." }),
        caption: textField(longest_text).nullable().meta({ description: "The text shown with the file; null: none." }),
      })
      .meta({ id: "MediaContent", description: "A file, by reference." }),
    z
      .object({
        type: z.literal("template"),
        name: z.string().meta({ description: "The template's name." }),
        language: z.string().meta({ description: "The template's language." }),
        variables: z
          .record(z.string(), z.string())
          .meta({ description: "The values that were given, by the keys of the template's `parameters`." }),
        text: z.string().meta({ description: "The whole text of the message, with the variables filled in." }),
      })
      .meta({ id: "TemplateContent", description: "A message made of a template that WhatsApp approved beforehand." }),
    z
      .object({
        type: z.literal("call"),
        state: CallState,
        duration_seconds: z.number().int().nullable().meta({ description: "How long it was; null until it has ended." }),
      })
      .meta({
        id: "CallContent",
        description: "A telephone call; it is updated as the call goes on. What is said in it is in messages of its own.",
      }),
    z
      .object({
        type: z.literal("recording"),
        url: z
          .string()
          .nullable()
          .meta({ description: "Where the provider keeps it, to be read with the provider's credentials; null: not told." }),
        duration_seconds: z.number().int().nullable().meta({ description: "How long it is; null: not told." }),
      })
      .meta({ id: "RecordingContent", description: "The recording of a call." }),
  ])
  .meta({ id: "Content", description: "What a message says." });
export type Content = z.infer<typeof Content>;

/** Why a message was not delivered, whoever the provider is. */
export const sendErrorCodes = [
  "messaging_window_closed",
  "recipient_unreachable",
  "recipient_opted_out",
  "template_not_found",
  "template_not_approved",
  "template_params_invalid",
  "provider_rate_limited",
  "channel_auth_failed",
  "channel_permission_denied",
  "channel_blocked",
  "channel_disconnected",
  "content_type_unsupported",
  "provider_invalid_request",
  "provider_unavailable",
  "provider_error",
] as const;
export type SendErrorCode = (typeof sendErrorCodes)[number];

/** How a provider names a person. `phone` is E.164 without the plus sign. */
export interface Identity {
  kind: "phone" | "whatsapp_user" | "instagram_user" | "page_user" | "visitor";
  value: string;
}

export const ChannelError = z
  .object({
    code: z.enum(sendErrorCodes).meta({ description: "The reason, the same for every provider." }),
    detail: z.string().meta({ description: "An explanation for people; it may change." }),
    provider_code: z.string().nullable().meta({ description: "The provider's own code; null where it gave none." }),
  })
  .meta({
    id: "ChannelError",
    description: "Why a channel does not work.",
    examples: [{ code: "channel_auth_failed", detail: "The access token has expired.", provider_code: "190" }],
  });
export type ChannelError = z.infer<typeof ChannelError>;

const verified_at = "2026-11-02T08:04:31.207Z";
const connected: Record<string, unknown> = {
  id: exampleId("chan"),
  object: "channel",
  channel: "whatsapp",
  provider: "whatsapp",
  name: "Support",
  account_id: "106540352242922",
  status: "connected",
  error: null,
  verified_at,
  credential_fields: ["access_token", "app_secret", "verify_token", "waba_id"],
  capabilities: presentCapabilities("whatsapp"),
  hook_urls: [{ hook: "callback", url: `https://api.wassla.dev/hooks/meta/${exampleId("chan")}` }],
  created_at: story.keys_made_at,
  updated_at: verified_at,
};

const Capabilities = z
  .object({
    content_types: z.array(ContentType).meta({ description: "The types of content it can carry." }),
    text_limit: z
      .object({
        max: z.number().int().meta({ description: "How many." }),
        unit: z.enum(["characters", "bytes"]).meta({ description: "Of what; bytes are those of UTF-8." }),
      })
      .meta({ description: "How long a text may be." }),
    media: z
      .array(
        z.object({
          media_type: MediaType,
          caption_limit: z.number().int().meta({ description: "How many characters a caption may have; 0: no caption." }),
        }),
      )
      .meta({ description: "The kinds of file it can carry." }),
    messaging_window: z
      .boolean()
      .meta({ description: "Whether free-form messages can be sent only within 24 hours of the contact's last one." }),
    human_agent: z.boolean().meta({ description: "Whether a person may answer for 7 days, by `human_agent`." }),
    templates: z.boolean().meta({ description: "Whether approved templates can be sent." }),
  })
  .meta({ id: "ChannelCapabilities", description: "What the channel can carry." });

const account_id_is = "The account's id at its provider: the phone number's id for WhatsApp, the number for Twilio.";

export const Channel = z
  .object({
    id: idField("chan"),
    object: z.literal("channel"),
    channel: ChannelKind,
    provider: ProviderName,
    name: z.string().meta({ description: "What people call it." }),
    account_id: z.string().meta({ description: account_id_is }),
    status: ChannelStatus,
    error: ChannelError.nullable().meta({ description: "Why it does not work; null unless the provider refused something." }),
    verified_at: Timestamp.nullable().meta({ description: "When the provider last accepted the present credentials; null: not yet." }),
    credential_fields: z.array(z.string()).meta({
      description: "The names of the credentials that are set. Their values are never shown.",
    }),
    capabilities: Capabilities,
    hook_urls: z
      .array(
        z.object({
          hook: z.string().meta({ description: "Which of the provider's callbacks it is for; `callback` where there is one only." }),
          url: z.string().meta({ format: "uri", description: "Where the provider is to send it." }),
        }),
      )
      .meta({
        description: "The URLs to enter at the provider.",
      }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Channel", description: "An account at a provider, over which customers reach the workspace.", examples: [connected] });
export const NewChannel = Channel.meta({ examples: [{ ...connected, verified_at: null, updated_at: story.keys_made_at }] });
export type Channel = z.input<typeof Channel>;

export const ChannelRef = z.strictObject({ channel_id: idField("chan") });
export type ChannelRef = z.output<typeof ChannelRef>;

export const ListChannels = z.strictObject({
  status: several(ChannelStatus),
  channel: several(ChannelKind),
  ...pageInput,
});
export type ListChannels = z.output<typeof ListChannels>;
export const ChannelList = listOf(Channel, "ChannelList");

const Name = textField(100, z.string().trim().min(1)).meta({
  description: "What people call it; several channels may have the same name.",
  examples: ["Support"],
});

export const CreateChannel = z
  .strictObject({
    channel: ChannelKind,
    provider: ProviderName.optional(),
    name: Name,
    account_id: z.string().max(200).meta({ description: account_id_is }),
    credentials: credentialsOf((field) => field.optional()).meta({
      description: "What the provider needs: which fields depends on the channel. Kept encrypted and never shown again.",
    }),
  })
  .meta({
    examples: [
      {
        channel: "whatsapp",
        name: "Support",
        account_id: "106540352242922",
        credentials: {
          app_secret: "0123456789abcdef",
          verify_token: "a word of our own",
          access_token: "EAAGm0PX4ZCpsBA",
          waba_id: "102290129340398",
        },
      },
    ],
  });
export type CreateChannel = z.output<typeof CreateChannel>;

export const UpdateChannel = ChannelRef.extend({
  name: Name.optional(),
  status: z
    .enum(["connected", "disconnected"])
    .meta({ description: "`disconnected`: nothing is sent, but messages are still received. `connected` also clears an error." })
    .optional(),
  credentials: credentialsOf((field) => field.nullable().optional())
    .meta({
      description: "Changed field by field: one that is not named stays, one that is null is removed.",
      examples: [{ access_token: "EAAGm0PX4ZCpsBB" }],
    })
    .optional(),
});
export type UpdateChannel = z.output<typeof UpdateChannel>;

export const DeletedChannel = z
  .object({ id: idField("chan"), object: z.literal("channel"), deleted: z.literal(true) })
  .meta({ id: "DeletedChannel", description: "Which channel was deleted." });

export const ChannelVerification = z
  .object({
    object: z.literal("channel_verification"),
    ok: z.boolean().meta({ description: "Whether the provider accepted the account and the credentials." }),
    detail: z.string().meta({
      description: "What the provider says, or why it could not be asked. For people.",
      examples: ["The number is +1 555 010 0000 (Nile Flowers)."],
    }),
    code: z.enum(sendErrorCodes).nullable().meta({ description: "Why not; null where `ok` is true." }),
    provider_code: z.string().nullable().meta({ description: "The provider's own code; null where it gave none." }),
    checked_at: Timestamp.meta({ examples: [verified_at] }),
    channel: Channel,
  })
  .meta({ id: "ChannelVerification", description: "Whether the provider knows the account and accepts the credentials." });
export type ChannelVerification = z.input<typeof ChannelVerification>;
