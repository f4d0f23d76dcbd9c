import { and, desc, eq } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { GetTranscript, Transcript, TranscriptMessage } from "./contract.ts";
import { kindOf, textOf } from "./preview.ts";
import { presentStatus, type MessageRow } from "./present.ts";
import { renderTranscript } from "./render-transcript.ts";
import { conversations } from "../conversations/tables.ts";
import { messages } from "./tables.ts";

/** Longer conversations lose their beginning: a transcript is one answer, not a back-fill. */
const most_messages = 5000;

/** What was said in a conversation, the oldest first, for people to read. */
export async function getTranscript(ctx: Ctx, { conversation_id, format }: GetTranscript): Promise<Transcript> {
  await findMine(ctx, conversations, conversation_id);
  const { created_at, sender, direction, content, status } = messages;
  const newest = await ctx.db
    .select({ created_at, sender, direction, content, status })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.conversation_id, conversation_id)))
    .orderBy(desc(messages.id))
    .limit(most_messages + 1);

  const truncated = newest.length > most_messages;
  const said = newest.slice(0, most_messages).toReversed().map(presentSaid);
  return {
    object: "transcript",
    conversation_id,
    format,
    truncated,
    ...(format === "json" ? { messages: said, content: null } : { messages: null, content: renderTranscript(said, truncated, format) }),
  };
}

type Said = Pick<MessageRow, "created_at" | "sender" | "direction" | "content" | "status">;

const presentSaid = ({ created_at, sender: { type, name }, direction, content, status }: Said): TranscriptMessage => ({
  at: created_at,
  sender: { type, name },
  direction,
  text: textOf(content),
  media_type: kindOf(content),
  status: presentStatus(status),
});
