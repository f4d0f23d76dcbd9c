import { and, eq, ne, sql, type SQL } from "drizzle-orm";
import type { Id } from "../core/ids.ts";
import type { Listing } from "../core/page.ts";
import { mine } from "../db/mine.ts";
import { messages } from "../messages/tables.ts";
import type { Widget } from "./find-widget.ts";
import { identityOf, type Visitor } from "./visitor.ts";

/** All that was said between a visitor and the business by this widget, in however many conversations. */
export const threadOf = ({ ctx, channel }: Widget, contact_id: Id<"cont"> | undefined): SQL =>
  and(
    mine(ctx, messages),
    contact_id ? eq(messages.contact_id, contact_id) : sql`false`,
    eq(messages.channel_id, channel.id),
    ne(messages.status, "failed"),
  )!;

/** A cursor is of one visitor, and of one direction. */
export const listingOf = (widget: Widget, visitor: Visitor, name: "history" | "feed"): Listing => ({
  name: `visitor ${name}`,
  filters: identityOf(widget, visitor),
});
