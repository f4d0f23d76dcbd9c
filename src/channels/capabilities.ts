import type { ChannelKind } from "./contract.ts";

/** What a channel can carry, by its provider's documentation; the same whoever transports it. */
interface Capabilities {
  content_types: readonly ("text" | "media")[];
  text_limit: { max: number; unit: "characters" | "bytes" };
  caption_limit: number;
  /** Free-form messages only within 24 hours of the contact's last message. */
  window: boolean;
}

export const capabilities: Record<ChannelKind, Capabilities> = {
  whatsapp: { content_types: ["text", "media"], text_limit: { max: 4096, unit: "characters" }, caption_limit: 1024, window: true },
  instagram: { content_types: ["text", "media"], text_limit: { max: 1000, unit: "bytes" }, caption_limit: 0, window: true },
  facebook_page: { content_types: ["text", "media"], text_limit: { max: 2000, unit: "characters" }, caption_limit: 0, window: true },
  twilio_sms: { content_types: ["text", "media"], text_limit: { max: 1600, unit: "characters" }, caption_limit: 1600, window: false },
  twilio_voice: { content_types: ["text"], text_limit: { max: 3000, unit: "characters" }, caption_limit: 0, window: false },
  web_widget: { content_types: ["text", "media"], text_limit: { max: 4096, unit: "characters" }, caption_limit: 1024, window: false },
};
