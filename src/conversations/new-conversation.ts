import type { Channel } from "../channels/find-hooked-channel.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { defaultHandlerMode } from "../workspaces/default-handler-mode.ts";

/** The row of a conversation that begins now, whoever begins it; with the address that it is opened to, where one was named. */
export function newConversation(
  ctx: TxCtx,
  { id: channel_id, channel }: Pick<Channel, "id" | "channel">,
  contact_id: Id<"cont">,
  address_id: string | null = null,
) {
  const now = ctx.now();
  return {
    workspace_id: ctx.workspace_id,
    id: ctx.newId("conv"),
    channel,
    channel_id,
    contact_id,
    address_id,
    handler_mode: defaultHandlerMode(ctx),
    last_message_at: now,
    created_at: now,
    updated_at: now,
  };
}
