import { longest_text } from "../capabilities.ts";
import type { Content, MediaType } from "../contract.ts";
import { at, cut, listAt, readJson, textAt, webAddress } from "./read.ts";

const media_types = new Map<string, MediaType>([
  ["image", "image"],
  ["video", "video"],
  ["audio", "audio"],
  ["voice", "audio"],
  ["document", "document"],
  ["sticker", "sticker"],
]);

/** How each kind reads as text, from the part of the message that carries its name. */
const wordings = new Map<string, (part: unknown) => string | null>([
  ["text", (part) => textAt(part, "body")],
  ["button", (part) => textAt(part, "text") ?? textAt(part, "payload")],
  ["interactive", sayReply],
  ["location", sayLocation],
  ["contacts", (part) => saySeveral("👤 Contact", listAt(part).map(sayContact))],
  ["order", sayOrder],
  ["reaction", sayReaction],
  ["unsupported", () => "[Unsupported message]"],
]);

/** Whatever a person sent is shown, if only by its name: to drop a customer's message is worse than to show it badly. */
export function contentOf(message: unknown): Content {
  const type = textAt(message, "type") ?? "";
  const part = at(message, type);
  const media_type = media_types.get(type);
  if (media_type) {
    const caption = textAt(part, "caption");
    return {
      type: "media",
      media_type,
      url: webAddress(textAt(part, "url") ?? textAt(part, "link")),
      caption: caption && cut(caption, longest_text),
    };
  }
  const wording = wordings.get(type) ?? (() => `[Unsupported message: ${cut(type, 50)}]`);
  return { type: "text", text: cut(wording(part) ?? `[Unreadable ${type} message]`, longest_text) };
}

function sayReaction(reaction: unknown): string | null {
  const emoji = textAt(reaction, "emoji");
  return emoji && `Reacted with ${emoji}`;
}

function sayReply(reply: unknown): string | null {
  return textAt(reply, "button_reply", "title") ?? textAt(reply, "list_reply", "title") ?? sayForm(at(reply, "nfm_reply"));
}

/** A Flow's answers. `flow_token` is the business's own reference, not an answer. */
function sayForm(form: unknown): string | null {
  const answers = readJson(textAt(form, "response_json") ?? "");
  const lines = Object.keys(typeof answers === "object" && answers !== null ? answers : {})
    .filter((question) => question !== "flow_token")
    .map((question) => `${question}: ${textAt(answers, question) ?? JSON.stringify(at(answers, question))}`);
  return saySeveral("📋 Form", lines) ?? textAt(form, "body");
}

function sayLocation(place: unknown): string | null {
  const [latitude, longitude] = [textAt(place, "latitude"), textAt(place, "longitude")];
  const point = latitude && longitude ? `${latitude}, ${longitude}` : null;
  const name = [textAt(place, "name"), textAt(place, "address")].filter((text) => text !== null).join(", ");
  if (name) return `📍 Location: ${name}${point ? ` (${point})` : ""}`;
  return point && `📍 Location: ${point}`;
}

function sayContact(contact: unknown): string | null {
  const phones = listAt(contact, "phones").map((phone) => textAt(phone, "phone") ?? textAt(phone, "wa_id"));
  const emails = listAt(contact, "emails").map((email) => textAt(email, "email"));
  const name = textAt(contact, "name", "formatted_name") ?? textAt(contact, "name", "first_name");
  return [name, ...phones, ...emails].filter((text) => text !== null).join(", ") || null;
}

function sayOrder(order: unknown): string | null {
  const items = listAt(order, "product_items").map((item) => {
    const [quantity, product, price] = [textAt(item, "quantity"), textAt(item, "product_retailer_id"), textAt(item, "item_price")];
    return product && `${quantity ?? "1"} × ${product}${price ? ` (${[price, textAt(item, "currency") ?? ""].join(" ").trim()})` : ""}`;
  });
  return saySeveral("🛒 Order", [...items, textAt(order, "text")]);
}

function saySeveral(title: string, parts: (string | null)[]): string | null {
  const said = parts.filter((part) => part !== null && part !== "");
  return said.length > 0 ? `${title}: ${said.join("; ")}` : null;
}
