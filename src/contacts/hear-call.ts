import type { Channel } from "../channels/find-hooked-channel.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import { earliest } from "../core/time.ts";
import { knowContact } from "./know-contact.ts";
import { openWindow } from "./open-window.ts";

/** A contact called on a line that is not answered here: to Meta they spoke, and their window is open. */
export async function hearCall(
  ctx: TxCtx,
  channel: Channel,
  { from, name, occurred_at }: Extract<InboundEvent, { kind: "called" }>,
): Promise<void> {
  const contact_id = await knowContact(ctx, from, name, occurred_at);
  await openWindow(ctx, channel.id, contact_id, from, earliest(occurred_at, ctx.now()));
}
