import { and, eq } from "drizzle-orm";
import { hashOf } from "../channels/providers/read.ts";
import { keepEmail } from "../contacts/keep-email.ts";
import { ApiError } from "../core/errors.ts";
import { atomically } from "../db/atomically.ts";
import { mine } from "../db/mine.ts";
import type { MessageRow } from "../messages/present.ts";
import { receiveEvent } from "../messages/receive-event.ts";
import { messages } from "../messages/tables.ts";
import type { ReceiveText, VisitorMessage } from "./contract.ts";
import type { Widget } from "./find-widget.ts";
import { presentToVisitor } from "./present.ts";
import { identityOf, type Visitor } from "./visitor.ts";

/** A visitor writes. It goes the way of every channel's messages; one whose answer was lost may be sent again, and is one. */
export async function receiveText(
  widget: Widget,
  visitor: Visitor,
  { text, client_reference }: ReceiveText,
): Promise<{ message: VisitorMessage; is_new: boolean }> {
  const { ctx, channel } = widget;
  const external_id = `visitor_${hashOf(`${visitor.id}\n${client_reference}`).slice(0, 32)}`;
  const known = await findStored(widget, external_id);
  if (!known) {
    await receiveEvent(ctx, channel, {
      kind: "message",
      dedupe_key: external_id,
      external_id,
      account_id: channel.account_id,
      occurred_at: ctx.now(),
      raw: { client_reference, text },
      from: [identityOf(widget, visitor)],
      name: visitor.name,
      content: { type: "text", text },
      client_reference,
    });
  }
  const stored = known ?? (await findStored(widget, external_id));
  if (!stored) throw new ApiError("internal_error");
  if (stored.content.type !== "text" || stored.content.text !== text) {
    throw new ApiError("idempotency_key_reused", { detail: "The same `client_reference` came with another text." });
  }
  const { email } = visitor;
  if (!known && email !== null) await atomically(ctx, (tx) => keepEmail(tx, stored.contact_id, email));
  return { message: presentToVisitor(stored), is_new: known === undefined };
}

async function findStored({ ctx, channel }: Widget, external_id: string): Promise<MessageRow | undefined> {
  const [found] = await ctx.db
    .select()
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel.id), eq(messages.external_id, external_id)));
  return found;
}
