import type { Content } from "../channels/contract.ts";
import type { HeldRevision } from "../channels/note-event.ts";
import type { MessageRow } from "./present.ts";

const deleted = { type: "text", text: "[Deleted message]" } as const;

/** What a revision changes: the last edit stands, and a deletion is final, in whatever order they are told. */
export function judgeRevision(message: MessageRow, { content, occurred_at }: HeldRevision): Partial<MessageRow> {
  if (isWithdrawn(message)) return {};
  if (content === null) return { content: deleted, revised_at: occurred_at };
  const is_news =
    message.revised_at === null ||
    message.revised_at < occurred_at ||
    // WhatsApp counts whole seconds: of two edits in one, somehow the same stands for everybody.
    (message.revised_at === occurred_at && saidIn(message.content) < saidIn(content));
  return is_news ? { content: withFileOf(message.content, content), revised_at: occurred_at } : {};
}

export const isWithdrawn = ({ content, revised_at }: Pick<MessageRow, "content" | "revised_at">): boolean =>
  revised_at !== null && saidIn(content) === deleted.text;

/** An edit changes the words beside a file, and does not name the file again, or not even that there is one. */
function withFileOf(before: Content, after: Content): Content {
  if (before.type !== "media") return after;
  if (after.type === "text") return { ...before, caption: after.text || null };
  return after.type === "media" && after.url === null ? { ...after, url: before.url } : after;
}

function saidIn(content: Content): string {
  if (content.type === "text") return content.text;
  return content.type === "media" ? (content.caption ?? "") : "";
}
