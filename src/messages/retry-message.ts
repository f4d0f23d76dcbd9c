import { and, eq } from "drizzle-orm";
import type { SendErrorCode } from "../channels/contract.ts";
import { channels } from "../channels/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import { assertTemplate } from "../templates/judge-template.ts";
import type { MessageRef } from "./contract.ts";
import { addressesOf, addressFor } from "../conversations/addresses.ts";
import { lockWritable } from "./find-call.ts";
import { address_gone, assertMaySend, assertWanted } from "./may-send.ts";
import { presentMessage, type MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

/** Queues a failed message again, as if it had never been tried. It was announced when it was stored, and is not again. */
export async function retryMessage(ctx: TxCtx, { message_id }: MessageRef) {
  const message = await findMine(ctx, messages, message_id, { lock: "update" });
  const reason = whyNot(message);
  if (reason) throw new ApiError("message_not_retryable", { detail: reason });
  const { window_opened_at } = await lockWritable(ctx, message);
  const channel = await findMine(ctx, channels, message.channel_id);
  const address = addressFor(await addressesOf(ctx, channel, message), message.address_id);
  if (message.address_id !== null && !address) throw new ApiError("recipient_unreachable", { detail: address_gone });
  await assertMaySend(ctx, channel, message, address ? address.last_inbound_at : window_opened_at);
  assertWanted(address);
  if (message.content.type === "template") await assertTemplate(ctx, channel, message.content);

  const now = ctx.now();
  const past_external_ids = [...message.past_external_ids, ...(message.external_id === null ? [] : [message.external_id])];
  const untried = { attempts: 0, error: null, external_id: null, past_external_ids, sent_at: null, failed_at: null };
  const [queued] = await ctx.db
    .update(messages)
    .set({ ...untried, status: "queued", due_at: now, updated_at: now })
    .where(and(mine(ctx, messages), eq(messages.id, message_id)))
    .returning();
  ctx.wake("messages");
  return presentMessage(queued!);
}

/** Everything else may pass now: a window opens again, a limit ends, a channel or a contact is mended. */
const faults_of_content: readonly SendErrorCode[] = ["content_type_unsupported", "provider_invalid_request", "template_params_invalid"];

/** Undefined where it can be sent again. What may have arrived is never sent twice. */
function whyNot({ direction, status, error }: MessageRow): string | undefined {
  if (direction === "inbound") return "The contact wrote this message; only outbound ones are sent.";
  if (status === "unknown") {
    return "The provider may have taken this message, and asking again could send it twice. Its own report settles what became of it; if none comes, send a new message.";
  }
  if (status !== "failed") return `The message is ${status === "scheduled" ? "queued" : status}; only one that failed can be sent again.`;
  if (!error || !faults_of_content.includes(error.code)) return undefined;
  return `The provider refused the content itself (${error.code}), and would again. Send a new message.`;
}
