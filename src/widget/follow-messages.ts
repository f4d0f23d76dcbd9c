import { readCursor, writeCursor, type Position } from "../core/page.ts";
import { msBetween, seconds } from "../core/time.ts";
import { horizonOf, rowsBehind } from "../db/feed.ts";
import { messages } from "../messages/tables.ts";
import type { VisitorMessage } from "./contract.ts";
import type { Widget } from "./find-widget.ts";
import { handOver } from "./hand-over.ts";
import { presentToVisitor } from "./present.ts";
import type { Stream } from "./streams.ts";
import { listingOf, threadOf } from "./thread.ts";
import { contactOf, type Visitor } from "./visitor.ts";

/** Between two signs of life. Also how long a message waits whose announcement was lost. */
const heartbeat_ms = seconds(15);
const shortest_pause_ms = 20;
const longest_pause_ms = seconds(1);
const most_at_once = 50;

/** What a stream tells: a message, or only that everything up to here has been told. */
export interface News {
  cursor: string;
  message: VisitorMessage | null;
}

/** Where a stream goes on: behind what the page has, or from this moment on. */
export async function startOf(widget: Widget, visitor: Visitor, cursor: string | undefined): Promise<Position> {
  return readCursor(widget.ctx, listingOf(widget, visitor, "feed"), cursor) ?? (await horizonOf(widget.ctx)).position;
}

/**
 * Every message of the visitor's thread behind a position, once, for as long as the stream is open. It is the feed
 * of GET /v1/messages: what an older transaction still holds back is looked for again until that has ended. What let the page in is
 * judged again with every sign of life.
 */
export async function* followMessages(
  widget: Widget,
  visitor: Visitor,
  start: Position,
  stream: Stream,
  isWelcome: () => Promise<boolean>,
): AsyncGenerator<News, void> {
  const { ctx } = widget;
  const cursorOf = (position: Position) => writeCursor(ctx, listingOf(widget, visitor, "feed"), position);
  let position = start;
  let awaited = 0n;
  let pause_ms = shortest_pause_ms;
  let judged_at = ctx.now();

  while (stream.is_open) {
    if (msBetween(judged_at, ctx.now()) >= heartbeat_ms) {
      judged_at = ctx.now();
      if (!(await isWelcome())) return stream.close();
    }
    const contact_id = await contactOf(widget, visitor);
    if (contact_id) stream.listenTo(contact_id);
    const was_rung = stream.takeNews();
    const horizon = await horizonOf(ctx);
    if (was_rung) [awaited, pause_ms] = [horizon.newest, shortest_pause_ms];

    const rows = await rowsBehind(ctx, messages, position, horizon, threadOf(widget, contact_id), most_at_once);
    for (const row of rows) {
      position = [row.xid, row.id];
      yield { cursor: cursorOf(position), message: presentToVisitor(row) };
    }
    await handOver(ctx, rows);
    if (rows.length === most_at_once) continue;

    position = horizon.position;
    const is_caught_up = BigInt(horizon.position[0]) >= awaited;
    await stream.heard(is_caught_up ? heartbeat_ms : pause_ms);
    if (!is_caught_up) pause_ms = Math.min(pause_ms * 2, longest_pause_ms);
    else if (!stream.has_news) yield { cursor: cursorOf(position), message: null };
  }
}
