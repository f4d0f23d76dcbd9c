import { z } from "zod";
import { textField } from "../core/fields.ts";

export const ChannelKind = z
  .enum(["whatsapp", "instagram", "facebook_page", "twilio_sms", "twilio_voice", "web_widget"])
  .meta({ id: "Channel", description: "Where a conversation takes place.", examples: ["whatsapp"] });
export type ChannelKind = z.infer<typeof ChannelKind>;

export type ChannelStatus = "connected" | "disconnected" | "error";

export const CallState = z
  .enum(["ringing", "in_progress", "completed", "busy", "no_answer", "canceled", "failed"])
  .meta({ description: "Where a call is; all but the first two are final." });
export type CallState = z.infer<typeof CallState>;
export const MediaType = z.enum(["image", "video", "audio", "document", "sticker"]);
export type MediaType = z.infer<typeof MediaType>;

export const Content = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("text"), text: textField(4096, z.string().min(1)) }).meta({ id: "TextContent", description: "Plain text." }),
    z
      .object({
        type: z.literal("media"),
        media_type: MediaType,
        url: z.string().nullable().meta({ description: "Null where the provider keeps the file and gave only a reference." }),
        caption: textField(4096).nullable(),
      })
      .meta({ id: "MediaContent", description: "A file, by reference." }),
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
