import { invalid } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { readFeed } from "../db/feed.ts";
import { readPage } from "../db/page.ts";
import type { MessageRow } from "../messages/present.ts";
import { messages } from "../messages/tables.ts";
import type { ListVisitorMessages, VisitorMessageList } from "./contract.ts";
import type { Widget } from "./find-widget.ts";
import { handOver } from "./hand-over.ts";
import { presentToVisitor } from "./present.ts";
import { listingOf, threadOf } from "./thread.ts";
import { contactOf, type Visitor } from "./visitor.ts";

/** What was said: the newest first and then further back; or, for whoever has no stream, what came since. */
export async function listVisitorMessages(widget: Widget, visitor: Visitor, input: ListVisitorMessages): Promise<VisitorMessageList> {
  const { cursor, after } = input;
  if (cursor !== undefined && after !== undefined) {
    throw invalid({ pointer: "/after", code: "not_allowed", detail: "Ask either for what is further back, or for what came after." });
  }
  return readThread(widget, visitor, await contactOf(widget, visitor), input);
}

export async function readThread(
  widget: Widget,
  visitor: Visitor,
  contact_id: Id<"cont"> | undefined,
  { limit, cursor, after }: Pick<ListVisitorMessages, "limit" | "cursor" | "after">,
): Promise<VisitorMessageList> {
  const { ctx } = widget;
  const taken: MessageRow[] = [];
  const take = (row: MessageRow) => {
    taken.push(row);
    return presentToVisitor(row);
  };
  const thread = threadOf(widget, contact_id);
  const page =
    after === undefined
      ? await readPage(ctx, messages, listingOf(widget, visitor, "history"), { limit, cursor }, thread, take)
      : await readFeed(ctx, messages, listingOf(widget, visitor, "feed"), { limit, cursor: after }, thread, take, "msg");
  await handOver(ctx, taken);
  return page;
}
