import { and, desc, eq, inArray } from "drizzle-orm";
import { openStatuses } from "../conversations/contract.ts";
import { conversations } from "../conversations/tables.ts";
import { unauthorized } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { writeCursor } from "../core/page.ts";
import { horizonOf } from "../db/feed.ts";
import { mine } from "../db/mine.ts";
import type { Session, StartSession } from "./contract.ts";
import type { Widget } from "./find-widget.ts";
import { readThread } from "./list-visitor-messages.ts";
import { listingOf } from "./thread.ts";
import { contactOf, isVerified, newVisitor, verifiedVisitor, type Visitor } from "./visitor.ts";
import { issueToken, readToken } from "./visitor-token.ts";

const latest = 20;

/** What a page needs to go on where the visitor was. Nothing is stored: whoever only looks leaves no trace. */
export async function startSession(widget: Widget, input: Omit<StartSession, "channel_id">): Promise<Session> {
  const { ctx } = widget;
  const visitor = visitorOf(widget, input);
  const contact_id = await contactOf(widget, visitor);
  // Before the messages are read: what is committed in between comes twice rather than never, and is known by its id.
  const { position } = await horizonOf(ctx);
  return {
    object: "session",
    ...issueToken(widget, visitor),
    visitor: { is_verified: isVerified(visitor), name: visitor.name },
    conversation: await openConversationOf(widget, contact_id),
    messages: await readThread(widget, visitor, contact_id, { limit: latest }),
    feed_cursor: writeCursor(ctx, listingOf(widget, visitor, "feed"), position),
  };
}

/** A verified visitor's token is of no use to whoever is nobody in particular on the same computer, nor the other way. */
function visitorOf(widget: Widget, { visitor_token, user }: Omit<StartSession, "channel_id">): Visitor {
  const claimed = user && verifiedVisitor(widget, user);
  if (visitor_token === undefined) return claimed ?? newVisitor();
  const known = readToken(widget, visitor_token);
  if (claimed ? claimed.id === known.id : !isVerified(known)) return claimed ?? known;
  throw unauthorized("unknown_token", "The token is another visitor's: start a session without it.");
}

async function openConversationOf({ ctx, channel }: Widget, contact_id: Id<"cont"> | undefined): Promise<Session["conversation"]> {
  if (!contact_id) return null;
  const { id, status, created_at } = conversations;
  const [open] = await ctx.db
    .select({ id, status, created_at })
    .from(conversations)
    .where(
      and(
        mine(ctx, conversations),
        eq(conversations.channel_id, channel.id),
        eq(conversations.contact_id, contact_id),
        inArray(status, [...openStatuses]),
      ),
    )
    .orderBy(desc(id))
    .limit(1);
  return (open as Session["conversation"] | undefined) ?? null;
}
