import { and, asc, desc, eq, gt, lt } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { findMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import type { ListMessages } from "./contract.ts";
import { presentMessage } from "./present.ts";
import { conversations, messages } from "./tables.ts";

/** The messages of a conversation. Ids are made in order of time, so they are the order. */
export async function listMessages(ctx: Ctx, input: ListMessages) {
  const listing: Listing = { name: "conversation messages", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  await findMine(ctx, conversations, input.conversation_id);

  const [beyond, direction] = input.order === "asc" ? [gt, asc] : [lt, desc];
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(
      and(
        mine(ctx, messages),
        eq(messages.conversation_id, input.conversation_id),
        given(position, ([, last]) => beyond(messages.id, last as Id<"msg">)),
      ),
    )
    .orderBy(direction(messages.id))
    .limit(input.limit + 1);

  return pageOf(ctx, listing, rows.map(presentMessage), input.limit, (row) => [row.created_at, row.id]);
}
