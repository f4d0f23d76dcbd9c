import type { InboundEvent } from "../channels/providers/provider.ts";
import { channelOfAccount, type Channel } from "../channels/find-hooked-channel.ts";
import { noteEvent, type Effect } from "../channels/note-event.ts";
import { hearCall } from "../contacts/hear-call.ts";
import { renameIdentity } from "../contacts/rename-identity.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { atomically } from "../db/atomically.ts";
import { applyTemplateNews } from "../templates/apply-template-news.ts";
import { applyRevision } from "./apply-revision.ts";
import { applyStatus } from "./apply-status.ts";
import { applyWatermark } from "./apply-watermark.ts";
import { receiveCall, receiveCallPart } from "./receive-call.ts";
import { receiveEcho } from "./receive-echo.ts";
import { receiveMessage } from "./receive-message.ts";

/**
 * Takes in one event of a provider: its record and its effect in one transaction, so that an event told
 * twice, or told again after a crash, has its effect once.
 */
export async function receiveEvent(ctx: Ctx, hooked: Channel, event: InboundEvent): Promise<void> {
  await atomically(ctx, async (tx) => {
    const channel = await channelOfAccount(tx, hooked, event);
    await noteEvent(tx, channel ?? hooked, event, () => effectOf(tx, channel, event));
  });
}

async function effectOf(ctx: TxCtx, channel: Channel | undefined, event: InboundEvent): Promise<Effect> {
  if (event.kind === "ignored") return ignored(event.why);
  if (!channel) return ignored(`no channel for account ${event.account_id}`);
  switch (event.kind) {
    case "message":
      return receiveMessage(ctx, channel, event);
    case "echo":
      return receiveEcho(ctx, channel, event);
    case "revision":
      return applyRevision(ctx, channel, event);
    case "status":
      return applyStatus(ctx, channel, event);
    case "call":
      return receiveCall(ctx, channel, event);
    case "call_part":
      return receiveCallPart(ctx, channel, event);
    case "watermark":
      return applyWatermark(ctx, channel, event);
    case "template":
      return applyTemplateNews(ctx, channel, event);
    case "called":
      await hearCall(ctx, channel, event);
      return { outcome: "applied" };
    case "renaming":
      return (await renameIdentity(ctx, event))
        ? { outcome: "applied" }
        : ignored("nobody is known by the previous one, or another contact by the new one");
  }
}

const ignored = (detail: string): Effect => ({ outcome: "ignored", detail });
