import { and, eq, lte, sql } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { fetchTemplatesSoon } from "../channels/keep-templates.ts";
import type { Effect } from "../channels/note-event.ts";
import type { InboundEvent } from "../channels/providers/provider.ts";
import type { TxCtx } from "../core/context.ts";
import { after } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { message_templates } from "./tables.ts";

type News = Extract<InboundEvent, { kind: "template" }>;

/** The provider counts whole seconds: what happened in one may have happened at its end. */
const rest_of_second_ms = 999;

/** What was decided of a template. One that is not known here, or whose text changed, is fetched. */
export async function applyTemplateNews(
  ctx: TxCtx,
  channel: Channel,
  { name, language, changes, is_stale, occurred_at }: News,
): Promise<Effect> {
  if (channel.template_account === null) return { outcome: "ignored", detail: "the channel has no templates" };
  const is_it = and(
    mine(ctx, message_templates),
    eq(message_templates.account_id, channel.template_account),
    eq(message_templates.name, name),
    eq(message_templates.language, language),
  );
  const [known] = await ctx.db.select({ id: message_templates.id }).from(message_templates).where(is_it);
  if (!known || is_stale) await fetchTemplatesSoon(ctx, channel.id);
  if (!known || Object.keys(changes).length === 0) return { outcome: "applied" };

  const at = after(occurred_at, rest_of_second_ms);
  const [changed] = await ctx.db
    .update(message_templates)
    .set({ ...changes, synced_at: sql`greatest(${message_templates.synced_at}, ${at}::timestamptz)`, updated_at: ctx.now() })
    .where(and(is_it, lte(message_templates.synced_at, at)))
    .returning({ id: message_templates.id });
  return changed ? { outcome: "applied" } : { outcome: "ignored", detail: "something later is known of it" };
}
