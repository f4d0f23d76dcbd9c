import { and, eq, sql } from "drizzle-orm";
import type { Held } from "../channels/note-event.ts";
import { provider_events } from "../channels/tables.ts";
import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { findMine, mine } from "../db/mine.ts";
import { previewAgain } from "./apply-revision.ts";
import { judgeReport } from "./judge-report.ts";
import { judgeRevision } from "./judge-revision.ts";
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
  if (reports.length === 0) return;

  const message = await findMine(ctx, messages, id, { lock: "update" });
  const told = reports.reduce((row, { held }) => (held ? { ...row, ...judge(row, held) } : row), message);
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
