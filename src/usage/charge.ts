import { sql, type SQL } from "drizzle-orm";
import type { ChannelKind } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import type { PricedMetric } from "../core/pricing.ts";
import { statement } from "../db/statement.ts";
import { ledger_entries } from "./tables.ts";

export interface Charge {
  metric: PricedMetric;
  quantity: number;
  /** Counted, and paid for otherwise. */
  is_free?: boolean;
}

/** What is charged for. */
export interface Subject {
  channel?: ChannelKind;
  channel_id?: Id<"chan">;
  conversation_id?: Id<"conv">;
  message_id?: Id<"msg">;
}

/** What things cost, in the transaction of the things themselves; how much that is. */
export async function charge(ctx: TxCtx, subject: Subject, charges: Charge[]): Promise<number> {
  const { entries, credits } = priced(ctx, subject, charges);
  await writeEntries(ctx.db, { entries });
  return credits;
}

/** The rows of the ledger, as `writingEntries` takes them, and their sum. */
export function priced(
  ctx: Pick<Ctx, "workspace_id" | "actor" | "pricing" | "newId" | "now">,
  { channel, channel_id, conversation_id, message_id }: Subject,
  charges: Charge[],
): { entries: string; credits: number } {
  const thousandths = charges.map(({ metric, quantity, is_free = false }) =>
    is_free ? 0 : Math.round(ctx.pricing.prices[metric] * 1000) * quantity,
  );
  const common = {
    workspace_id: uuidOf(ctx.workspace_id),
    channel: channel ?? null,
    channel_id: uuid(channel_id),
    conversation_id: uuid(conversation_id),
    message_id: uuid(message_id),
    api_key_id: ctx.actor.type === "api_key" ? uuidOf(ctx.actor.id) : null,
    created_at: ctx.now(),
  };
  const entries = charges.map(({ metric, quantity }, at) => ({
    ...common,
    id: uuidOf(ctx.newId("led")),
    metric,
    quantity,
    credits: thousandths[at]! / 1000,
  }));
  return { entries: JSON.stringify(entries), credits: thousandths.reduce((sum, amount) => sum + amount, 0) / 1000 };
}

const uuid = (id: string | undefined): string | null => (id === undefined ? null : uuidOf(id));

/** Written with its `entries`; also beside another statement, so that what is charged for costs no round trip more. */
export const writingEntries =
  (): SQL => sql`insert into ${ledger_entries} ("workspace_id", id, metric, quantity, credits, channel, channel_id,
      conversation_id, message_id, api_key_id, created_at)
    select e.workspace_id, e.id, e.metric, e.quantity, e.credits, e.channel, e.channel_id, e.conversation_id, e.message_id, e.api_key_id, e.created_at
    from json_to_recordset(${sql.placeholder("entries")}::text::json) as e(workspace_id uuid, id uuid, metric text, quantity int, credits numeric,
      channel text, channel_id uuid, conversation_id uuid, message_id uuid, api_key_id uuid, created_at timestamptz)`;

export const writeEntries = statement(writingEntries);
