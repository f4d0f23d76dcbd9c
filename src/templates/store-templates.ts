import { and, eq, lt, ne, sql } from "drizzle-orm";
import type { ProviderTemplate } from "../channels/providers/template.ts";
import type { TxCtx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { message_templates } from "./tables.ts";

interface Listed {
  account_id: string;
  templates: readonly ProviderTemplate[];
  /** When they were asked for. */
  asked_at: Timestamp;
}

const told = ["external_id", "category", "status", "quality", "rejected_reason", "parameter_format", "components"] as const;
const per_statement = 200;

/** Makes an account's templates those that its provider listed. What was learnt after it was asked stays. */
export async function storeTemplates(ctx: TxCtx, { account_id, templates, asked_at }: Listed): Promise<void> {
  // Two lists of an account at one moment: in whatever order their rows come, neither waits for the other's.
  await ctx.db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`templates ${ctx.workspace_id} ${account_id}`}, 0))`);
  const now = ctx.now();
  for (let from = 0; from < templates.length; from += per_statement) {
    const rows = templates.slice(from, from + per_statement).map((template) => ({
      ...template,
      workspace_id: ctx.workspace_id,
      id: ctx.newId("tmpl"),
      account_id,
      synced_at: asked_at,
      created_at: now,
      updated_at: now,
    }));
    await ctx.db
      .insert(message_templates)
      .values(rows)
      .onConflictDoUpdate({
        target: [message_templates.workspace_id, message_templates.account_id, message_templates.name, message_templates.language],
        set: {
          ...Object.fromEntries(told.map((field) => [field, excluded(field)])),
          synced_at: excluded("synced_at"),
          updated_at: changedAt(now),
        },
        setWhere: sql`${message_templates.synced_at} <= excluded.synced_at`,
      });
  }
  await ctx.db
    .update(message_templates)
    .set({ status: "DELETED", synced_at: asked_at, updated_at: now })
    .where(
      and(
        mine(ctx, message_templates),
        eq(message_templates.account_id, account_id),
        lt(message_templates.synced_at, asked_at),
        ne(message_templates.status, "DELETED"),
      ),
    );
}

const excluded = (field: string) => sql`excluded.${sql.identifier(field)}`;

/** To be told the same again is no change. */
const changedAt = (now: Timestamp) => {
  const row = (table: string) =>
    sql.join(
      told.map((field) => sql`${sql.identifier(table)}.${sql.identifier(field)}`),
      sql`, `,
    );
  return sql`case when (${row("message_templates")}) is distinct from (${row("excluded")}) then ${now}::timestamptz else ${message_templates.updated_at} end`;
};
