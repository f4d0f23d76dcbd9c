import { longest_text } from "../capabilities.ts";
import type { Content, MediaType } from "../contract.ts";
import { at, cut, listAt, textAt, webAddress } from "./read.ts";

const media_types = new Map<string, MediaType>([
  ["image", "image"],
  ["video", "video"],
  ["audio", "audio"],
  ["file", "document"],
]);

/** How an attachment that is no file reads as text. */
const wordings = new Map<string, (attachment: unknown) => string | null>([
  ["story_mention", (attachment) => `📣 Mentioned you in a story: ${addressOf(attachment) ?? "no longer there"}`],
  ["location", sayLocation],
  ["template", (attachment) => textAt(attachment, "title") ?? textAt(attachment, "payload", "title")],
  ["like_heart", () => "❤️"],
  ...["share", "post", "reel", "ig_post", "ig_reel", "fallback"].map((type) => [type, sayShare] as const),
]);

interface Said {
  content: Content;
  /** The attachment it was made of. */
  file?: unknown;
}

/** One content for each file, the first with what was written; without a file, what was written. */
export function contentsOf(message: unknown): Said[] {
  const attachments = listAt(message, "attachments").map((attachment) => ({ attachment, media_type: mediaTypeOf(attachment) }));
  const written = textAt(message, "text");
  const words = attachments
    .filter(({ attachment, media_type }) => !media_type && !(written && textAt(attachment, "type") === "fallback"))
    .map(({ attachment }) => sayAttachment(attachment));
  const text = cut([written, ...words].filter((part) => part !== null).join("\n"), longest_text) || null;

  const files = attachments.filter(({ media_type }) => media_type !== undefined);
  if (files.length > 0) {
    return files.map(({ attachment, media_type }, n) => ({
      content: { type: "media", media_type: media_type!, url: addressOf(attachment), caption: n === 0 ? text : null },
      file: attachment,
    }));
  }
  const nothing = at(message, "reply_to", "story") === undefined ? "[Unsupported message]" : "[Replied to a story]";
  return [{ content: { type: "text", text: text ?? nothing } }];
}

function mediaTypeOf(attachment: unknown): MediaType | undefined {
  const media_type = media_types.get(textAt(attachment, "type") ?? "");
  return media_type === "image" && at(attachment, "payload", "sticker_id") !== undefined ? "sticker" : media_type;
}

function sayAttachment(attachment: unknown): string {
  const type = textAt(attachment, "type") ?? "unknown";
  return wordings.get(type)?.(attachment) ?? `[Unsupported message: ${cut(type, 50)}]`;
}

const addressOf = (attachment: unknown): string | null => webAddress(textAt(attachment, "payload", "url") ?? textAt(attachment, "url"));

function sayShare(attachment: unknown): string | null {
  const title = textAt(attachment, "title") ?? textAt(attachment, "payload", "title");
  const shared = [title, addressOf(attachment)].filter((part) => part !== null).join(" ");
  return shared === "" ? null : `🔗 Shared: ${shared}`;
}

function sayLocation(attachment: unknown): string | null {
  const place = at(attachment, "payload", "coordinates");
  const [latitude, longitude] = [textAt(place, "lat"), textAt(place, "long")];
  return latitude && longitude && `📍 Location: ${latitude}, ${longitude}`;
}
