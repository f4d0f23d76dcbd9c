import { and, eq, sql } from "drizzle-orm";
import type { Held, HeldRevision } from "../channels/note-event.ts";
import { wholeOf } from "../channels/parts.ts";
import { provider_events } from "../channels/tables.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { findMine, mine } from "../db/mine.ts";
import { previewAgain } from "./apply-revision.ts";
import { judgeReport } from "./judge-report.ts";
import { isWithdrawn, judgeRevision } from "./judge-revision.ts";
import type { MessageRow } from "./present.ts";
import { messages } from "./tables.ts";

interface Named {
  id: Id<"msg">;
  channel_id: Id<"chan">;
  external_id: string;
}

/** Now that a message is known by its provider's id, what was told of it before takes effect. */
export async function applyHeld(ctx: TxCtx, { id, channel_id, external_id }: Named): Promise<void> {
  const reports = await ctx.db
    .update(provider_events)
    .set({ outcome: "applied" })
    .where(
      and(
        mine(ctx, provider_events),
        eq(provider_events.channel_id, channel_id),
        eq(provider_events.external_id, external_id),
        // In words of SQL: with a parameter in its place the index of held reports could not be used.
        sql`${provider_events.outcome} = 'held'`,
      ),
    )
    .returning({ held: provider_events.held });
  const helds = [...reports.map(({ held }) => held), await withdrawalOfWhole(ctx, channel_id, external_id)].filter((held) => held !== null);
  if (helds.length === 0) return;

  const message = await findMine(ctx, messages, id, { lock: "update" });
  const told = helds.reduce((row, held) => ({ ...row, ...judge(row, held) }), message);
  const { workspace_id: _, id: __, ...changed } = told;
  await ctx.db
    .update(messages)
    .set({ ...changed, updated_at: ctx.now() })
    .where(and(mine(ctx, messages), eq(messages.id, id)));
  if (told.content !== message.content) await previewAgain(ctx, message, told.content);
}

/** The business's own reports say nothing of what a contact wrote. */
function judge(message: MessageRow, held: Held): Partial<MessageRow> {
  if ("status" in held) return message.direction === "outbound" ? judgeReport(message, held) : {};
  // What is told of a call waits for the call, and not for a message.
  return "external_id" in held ? {} : judgeRevision(message, held);
}

/** That the message of which this is a further file was taken back: it may be stored by then, or still be awaited. */
async function withdrawalOfWhole(ctx: TxCtx, channel_id: Id<"chan">, external_id: string): Promise<HeldRevision | null> {
  const whole = wholeOf(external_id);
  if (whole === external_id) return null;
  const [first] = await ctx.db
    .select({ content: messages.content, revised_at: messages.revised_at })
    .from(messages)
    .where(and(mine(ctx, messages), eq(messages.channel_id, channel_id), eq(messages.external_id, whole)));
  if (first) return isWithdrawn(first) ? { content: null, occurred_at: first.revised_at! } : null;
  const awaiting = await ctx.db
    .select({ held: provider_events.held })
    .from(provider_events)
    .where(
      and(
        mine(ctx, provider_events),
        eq(provider_events.channel_id, channel_id),
        eq(provider_events.external_id, whole),
        sql`${provider_events.outcome} = 'held'`,
      ),
    );
  return (
    awaiting.map(({ held }) => held).find((held): held is HeldRevision => !!held && "content" in held && held.content === null) ?? null
  );
}
