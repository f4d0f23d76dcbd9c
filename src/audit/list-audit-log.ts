import { and, desc, eq, inArray, lt, type SQL } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { createdWithin } from "../db/created-within.ts";
import { mine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { AuditEntry, ExportAuditLog, ListAuditLog } from "./contract.ts";
import { audit_log } from "./tables.ts";

/** Who did what, the newest first. */
export const listAuditLog = (ctx: Ctx, input: ListAuditLog) =>
  readPage(ctx, audit_log, { name: "audit log", filters: input }, input, chosenBy(ctx, input), presentEntry);

const rows_at_once = 500;

/**
 * The same, all of it, in portions: each is read when the one before has been taken, from where that ended. No
 * transaction and no cursor of the database's stays open for a reader who takes an hour.
 */
export async function* exportAuditLog(ctx: Ctx, input: ExportAuditLog): AsyncGenerator<AuditEntry[]> {
  const chosen = chosenBy(ctx, input);
  let last: Id<"aud"> | undefined;
  for (;;) {
    const rows = await ctx.db
      .select()
      .from(audit_log)
      .where(
        and(
          chosen,
          given(last, (id) => lt(audit_log.id, id)),
        ),
      )
      .orderBy(desc(audit_log.id))
      .limit(rows_at_once);
    if (rows.length > 0) yield rows.map(presentEntry);
    if (rows.length < rows_at_once) return;
    last = rows.at(-1)!.id;
  }
}

const presentEntry = (row: typeof audit_log.$inferSelect): AuditEntry => ({ ...row, object: "audit_entry" });

const chosenBy = (ctx: Ctx, { action, actor_type, actor_id, target_id, ...range }: ExportAuditLog): SQL | undefined =>
  and(
    mine(ctx, audit_log),
    given(action, (actions) => inArray(audit_log.action, actions)),
    given(actor_type, (type) => eq(audit_log.actor_type, type)),
    given(actor_id, (id) => eq(audit_log.actor_id, id)),
    given(target_id, (id) => eq(audit_log.target_id, id)),
    createdWithin(audit_log, "aud", range),
  );
