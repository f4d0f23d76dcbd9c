import { z } from "zod";
import { idField, listOf, pageInput, several, textField, Timestamp } from "../core/fields.ts";
import { longest_text } from "./capabilities.ts";
import { providers } from "./providers/all.ts";

export const ChannelKind = z
  .enum(["whatsapp", "instagram", "facebook_page", "twilio_sms", "twilio_voice", "web_widget"])
  .meta({ id: "ChannelKind", description: "Where a conversation takes place.", examples: ["whatsapp"] });
export type ChannelKind = z.infer<typeof ChannelKind>;

export const ProviderName = z.enum(["sandbox", "whatsapp", "instagram", "facebook_page", "twilio_sms", "twilio_voice", "web_widget"]).meta({
  description: "Who carries it: the channel's own provider, or the sandbox, which answers like one and needs no account.",
});
export type ProviderName = z.infer<typeof ProviderName>;

export const ChannelStatus = z.enum(["connected", "disconnected", "error"]).meta({
  description:
    "`error`: the provider refused its credentials or its account, as `error` says; what is sent is still tried. `disconnected`: nothing is sent.",
});
export type ChannelStatus = z.infer<typeof ChannelStatus>;

export const ContentType = z.enum(["text", "media", "template"]);
export type ContentType = z.infer<typeof ContentType>;

export const CallState = z
  .enum(["ringing", "in_progress", "completed", "busy", "no_answer", "canceled", "failed"])
  .meta({ description: "Where a call is; all but the first two are final." });
export type CallState = z.infer<typeof CallState>;
export const MediaType = z.enum(["image", "video", "audio", "document", "sticker"]);
export type MediaType = z.infer<typeof MediaType>;

export const Content = z
  .discriminatedUnion("type", [
    z
      .object({ type: z.literal("text"), text: textField(longest_text, z.string().min(1)) })
      .meta({ id: "TextContent", description: "Plain text." }),
    z
      .object({
        type: z.literal("media"),
        media_type: MediaType,
        url: z.string().nullable().meta({ description: "Null where the provider keeps the file and gave only a reference." }),
        caption: textField(longest_text).nullable(),
      })
      .meta({ id: "MediaContent", description: "A file, by reference." }),
    z
      .object({
        type: z.literal("template"),
        name: z.string(),
        language: z.string(),
        variables: z.record(z.string(), z.string()),
        text: z.string().meta({ description: "What the template said, with its variables." }),
      })
      .meta({ id: "TemplateContent", description: "A message that WhatsApp had approved beforehand." }),
    z
      .object({
        type: z.literal("call"),
        state: CallState,
        duration_seconds: z.number().int().nullable().meta({ description: "How long it was; null until it is over." }),
      })
      .meta({ id: "CallContent", description: "A telephone call, as it fares. What is said in it are messages of their own." }),
    z
      .object({
        type: z.literal("recording"),
        url: z.string().nullable().meta({ description: "Where the provider keeps it; read with the provider's credentials." }),
        duration_seconds: z.number().int().nullable(),
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
    code: z.enum(sendErrorCodes),
    detail: z.string(),
    provider_code: z.string().nullable().meta({ description: "The provider's own code." }),
  })
  .meta({ id: "ChannelError", description: "Why a channel does not work." });
export type ChannelError = z.infer<typeof ChannelError>;

export const Channel = z
  .object({
    id: idField("chan"),
    object: z.literal("channel"),
    channel: ChannelKind,
    provider: ProviderName,
    name: z.string(),
    account_id: z.string().meta({ description: "What it is called at its provider.", examples: ["106540352242922"] }),
    status: ChannelStatus,
    error: ChannelError.nullable(),
    verified_at: Timestamp.nullable().meta({ description: "When the provider last took the credentials that it has now." }),
    credential_fields: z.array(z.string()).meta({
      description: "Which credentials are set. They are never shown again.",
      examples: [["access_token", "app_secret", "verify_token"]],
    }),
    capabilities: z
      .object({
        content_types: z.array(ContentType),
        text_limit: z.object({ max: z.number().int(), unit: z.enum(["characters", "bytes"]) }),
        media: z.array(
          z.object({ media_type: MediaType, caption_limit: z.number().int().meta({ description: "In characters; 0: no caption." }) }),
        ),
        messaging_window: z.boolean().meta({ description: "Free-form messages only within 24 hours of the contact's last one." }),
        human_agent: z.boolean().meta({ description: "A person may answer for 7 days." }),
        templates: z.boolean().meta({ description: "Approved templates can be sent at any time." }),
      })
      .meta({ id: "ChannelCapabilities", description: "What the channel can carry." }),
    hook_urls: z.array(z.object({ hook: z.string(), url: z.string().meta({ format: "uri" }) })).meta({
      description: "What to enter at the provider.",
      examples: [[{ hook: "callback", url: "https://api.wassla.dev/hooks/meta/chan_01m7x0q4w6e8r9t2y3v5n7b1c4" }]],
    }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Channel", description: "An account at a provider, by which the workspace is reached." });
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

interface CredentialField {
  is_list: boolean;
  /** What it is, and of which providers that is said. */
  told: Map<string, string[]>;
}

/** Every field that some provider has. Which of them belong to a provider, and their form, its own object decides. */
const credentialFields = new Map<string, CredentialField>();
for (const [name, { credentials }] of Object.entries(providers)) {
  for (const [field, form] of Object.entries(credentials.shape)) {
    const { is_list = form instanceof z.ZodArray, told = new Map<string, string[]>() } = credentialFields.get(field) ?? {};
    const description = form.description ?? "";
    credentialFields.set(field, { is_list, told: told.set(description, [...(told.get(description) ?? []), name]) });
  }
}

const Credential = z.string().max(4000);

const credentialsOf = <T extends z.ZodType>(optional: (field: z.ZodType<string | string[]>) => T) =>
  z.strictObject(
    Object.fromEntries(
      Array.from(credentialFields, ([field, { is_list, told }]) => {
        const description = Array.from(told, ([text, names]) => `${names.join(", ")}: ${text}`).join(" ");
        const form: z.ZodType<string | string[]> = is_list ? z.array(Credential).max(100) : Credential;
        return [field, optional(form.meta({ description }))];
      }),
    ),
  );

const Name = textField(100, z.string().trim().min(1)).meta({
  description: "For people; it need not be the only one of its name.",
  examples: ["Support"],
});

export const CreateChannel = z
  .strictObject({
    channel: ChannelKind,
    provider: ProviderName.optional(),
    name: Name,
    account_id: z
      .string()
      .max(200)
      .meta({ description: "What it is called at its provider: of WhatsApp the phone number's id, of Twilio the number." }),
    credentials: credentialsOf((field) => field.optional()).meta({
      description: "What the provider needs; which fields, the channel decides. Kept encrypted, and never shown again.",
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
    .meta({ description: "`disconnected`: nothing is sent; what is received is still taken in. `connected` also clears an error." })
    .optional(),
  credentials: credentialsOf((field) => field.nullable().optional())
    .meta({ description: "Field by field: one that is not named stays, one that is null is removed.", examples: [{}] })
    .optional(),
});
export type UpdateChannel = z.output<typeof UpdateChannel>;

export const DeletedChannel = z
  .object({ id: idField("chan"), object: z.literal("channel"), deleted: z.literal(true) })
  .meta({ id: "DeletedChannel" });

export const ChannelVerification = z
  .object({
    object: z.literal("channel_verification"),
    ok: z.boolean(),
    detail: z.string().meta({ description: "What the provider says, or why it could not be asked." }),
    code: z.enum(sendErrorCodes).nullable(),
    provider_code: z.string().nullable().meta({ description: "The provider's own code." }),
    checked_at: Timestamp,
    channel: Channel,
  })
  .meta({ id: "ChannelVerification", description: "Whether the provider knows the account and takes the credentials." });
export type ChannelVerification = z.input<typeof ChannelVerification>;
