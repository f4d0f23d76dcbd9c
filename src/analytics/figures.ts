import { sql, type SQL } from "drizzle-orm";
import type { ChannelKind } from "../channels/contract.ts";
import { channels } from "../channels/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { assertMine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { counted, handled } from "../usage/counted.ts";
import type { Figures, GetOverview } from "./contract.ts";

type Filters = Pick<GetOverview, "channel" | "channel_id">;

interface Row {
  /** The first bucket is 1. */
  bucket: number;
  /** Null for all channels together. */
  channel: ChannelKind | null;
  opened: number;
  closed: number;
  resolved: number;
  resolved_by_ai: number;
  handed_over: number;
  handled: number;
  messages_inbound: number;
  messages_outbound: number;
  first_response_p50: number | null;
  first_response_p90: number | null;
  resolution_p50: number | null;
  resolution_p90: number | null;
}

/** The figures of each bucket in which there was something: of all channels, and of each. `bounds` from the first to the last. */
export async function figuresOf(ctx: Ctx, bounds: Timestamp[], filters: Filters): Promise<(Figures & Pick<Row, "bucket" | "channel">)[]> {
  await assertMine(ctx, channels, "/channel_id", filters.channel_id);
  const rows = await query<Row>(ctx.db, writeQuery(ctx, bounds, filters));
  return rows.map(present);
}

/**
 * Conversations are read once: whatever happened to one since the period began, it was changed since then, and the index
 * of changes finds it. Messages are not read at all: they are counted by quarters of an hour.
 */
function writeQuery(ctx: Ctx, bounds: Timestamp[], filters: Filters): SQL {
  const period = { from: bounds[0]!, to: bounds.at(-1)! };
  const { from, to } = { from: sql`${period.from}::timestamptz`, to: sql`${period.to}::timestamptz` };
  const chosen = chosenBy(filters);
  const bucket = (at: SQL) => sql`width_bucket(${at}, (select bounds from asked))`;
  const within = (at: SQL) => sql`${at} >= ${from} and ${at} < ${to}`;
  return sql`
    with asked as (
      select array(select at::timestamptz from json_array_elements_text(${JSON.stringify(bounds)}::text::json) with ordinality as bound(at, place)
        order by place) as bounds
    ), conversation as materialized (
      select channel, status, closed_by, created_at, closed_at, first_inbound_at, first_response_at, handed_over_at
      from ${conversations} where workspace_id = ${sql.param(ctx.workspace_id, conversations.workspace_id)} and updated_at >= ${from}
        and created_at < ${to} and ${chosen}
    ), fact as (
      select ${bucket(sql`created_at`)} as bucket, channel, 'opened' as what, count(*) as amount
      from conversation where ${within(sql`created_at`)} group by 1, 2
      union all
      select ${bucket(sql`closed_at`)}, channel, unnest(array['closed', case when status = 'resolved' then 'resolved' end,
        case when status = 'resolved' and closed_by = 'ai_agent' then 'resolved_by_ai' end]) as what, count(*)
      from conversation where ${within(sql`closed_at`)} group by 1, 2, 3
      union all
      select ${bucket(sql`handed_over_at`)}, channel, 'handed_over', count(*)
      from conversation where ${within(sql`handed_over_at`)} group by 1, 2
      union all
      select ${bucket(sql`starts_at`)}, channel, metric, sum(quantity)
      from (${counted(ctx, period)}) as counted where metric in ('messages_inbound', 'messages_outbound') and ${chosen} group by 1, 2, 3
      union all
      select bucket, channel, 'handled', count(*)
      from (select distinct ${bucket(sql`starts_at`)} as bucket, channel, conversation_id from (${handled(ctx, period)}) as handled where ${chosen}) as handled
      group by 1, 2
    ), wait as (
      select ${bucket(sql`first_response_at`)} as bucket, channel, extract(epoch from first_response_at - first_inbound_at) as first_response,
        null::numeric as resolution
      from conversation where ${within(sql`first_response_at`)} and first_inbound_at is not null
      union all
      select ${bucket(sql`closed_at`)}, channel, null, extract(epoch from closed_at - created_at)
      from conversation where ${within(sql`closed_at`)} and status = 'resolved'
    ), waited as (
      select bucket, channel,
        percentile_cont(array[0.5, 0.9]) within group (order by first_response) as first_response,
        percentile_cont(array[0.5, 0.9]) within group (order by resolution) as resolution
      from wait group by grouping sets ((bucket), (bucket, channel))
    ), amounts as (
      select bucket, channel, ${sql.join(
        amounts.map((what) => sql`coalesce(sum(amount) filter (where what = ${what}), 0)::int as ${sql.identifier(what)}`),
        sql`, `,
      )}
      from fact group by grouping sets ((bucket), (bucket, channel))
    )
    select amounts.*, first_response[1] as first_response_p50, first_response[2] as first_response_p90,
      resolution[1] as resolution_p50, resolution[2] as resolution_p90
    from amounts left join waited on waited.bucket = amounts.bucket and waited.channel is not distinct from amounts.channel
    order by bucket, channel`;
}

const amounts = [
  "opened",
  "closed",
  "resolved",
  "resolved_by_ai",
  "handed_over",
  "handled",
  "messages_inbound",
  "messages_outbound",
] as const;

function chosenBy({ channel, channel_id }: Filters): SQL {
  const kind = channel
    ? sql`channel in (${sql.join(
        channel.map((one) => sql`${one}`),
        sql`, `,
      )})`
    : sql`true`;
  const one = channel_id ? sql`channel_id = ${sql.param(channel_id, conversations.channel_id)}` : sql`true`;
  return sql`${kind} and ${one}`;
}

function present({ first_response_p50, first_response_p90, resolution_p50, resolution_p90, ...row }: Row) {
  return {
    ...row,
    first_response_seconds: { p50: rounded(first_response_p50), p90: rounded(first_response_p90) },
    resolution_seconds: { p50: rounded(resolution_p50), p90: rounded(resolution_p90) },
    ai_resolution_rate: rateOf(row.resolved_by_ai, row.resolved),
    hand_over_rate: rateOf(row.handed_over, row.handed_over + row.resolved_by_ai),
    sentiment_score: null,
  };
}

/** To the millisecond, as instants are. */
const rounded = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds * 1000) / 1000);

const rateOf = (part: number, whole: number): number | null => (whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000);

/** Of what was not counted. */
export const nothing: Figures = present({
  bucket: 0,
  channel: null,
  ...(Object.fromEntries(amounts.map((what) => [what, 0])) as Record<(typeof amounts)[number], number>),
  first_response_p50: null,
  first_response_p90: null,
  resolution_p50: null,
  resolution_p90: null,
});
