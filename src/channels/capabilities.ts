import type { ChannelKind, ContentType, MediaType } from "./contract.ts";

/** What a text or a caption may hold on any channel, in characters. What came in longer is cut. */
export const longest_text = 4096;

/** What a channel can carry, by its provider's documentation; the same whoever transports it. */
interface Capabilities {
  text_limit: { max: number; unit: "characters" | "bytes" };
  /** The kinds of file it carries, and how many characters the caption of each may have. */
  captions: Partial<Record<MediaType, number>>;
  /** Free-form messages only within 24 hours of the contact's last message. */
  window: boolean;
  /** A person of the business may still answer, by Meta's HUMAN_AGENT tag, within 7 days. */
  human_agent: boolean;
  /** Messages that the provider approved beforehand, which may be sent outside the window too. */
  templates: boolean;
}

const anytime = { window: false, human_agent: false, templates: false };

export const capabilities: Record<ChannelKind, Capabilities> = {
  whatsapp: {
    text_limit: { max: 4096, unit: "characters" },
    captions: { image: 1024, video: 1024, document: 1024, audio: 0, sticker: 0 },
    window: true,
    human_agent: false,
    templates: true,
  },
  instagram: {
    text_limit: { max: 1000, unit: "bytes" },
    captions: { image: 0, video: 0, audio: 0 },
    window: true,
    human_agent: true,
    templates: false,
  },
  facebook_page: {
    text_limit: { max: 2000, unit: "characters" },
    captions: { image: 0, video: 0, audio: 0, document: 0 },
    window: true,
    human_agent: true,
    templates: false,
  },
  twilio_sms: {
    text_limit: { max: 1600, unit: "characters" },
    captions: { image: 1600, video: 1600, audio: 1600, document: 1600, sticker: 1600 },
    ...anytime,
  },
  twilio_voice: { text_limit: { max: 3000, unit: "characters" }, captions: {}, ...anytime },
  web_widget: {
    text_limit: { max: 4096, unit: "characters" },
    captions: { image: 1024, video: 1024, audio: 1024, document: 1024, sticker: 1024 },
    ...anytime,
  },
};

/** The kinds of content that a channel carries at all. */
export function contentTypes(channel: ChannelKind): ContentType[] {
  const { captions, templates } = capabilities[channel];
  return ["text", ...(Object.keys(captions).length > 0 ? (["media"] as const) : []), ...(templates ? (["template"] as const) : [])];
}
