import { sql, type SQL } from "drizzle-orm";
import { ChannelKind } from "../channels/contract.ts";
import { channels } from "../channels/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { assertMine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { counted, handled, markOf } from "../usage/counted.ts";
import type { Figures, GetOverview } from "./contract.ts";

type Filters = Pick<GetOverview, "channel" | "channel_id">;

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

type Waits = Record<`${"first_response" | "resolution"}_${"p50" | "p90"}`, number | null>;
/** 0 is all parts together; the first one is 1. */
type Row = Record<(typeof amounts)[number], number> & Waits & { part: number };

/** The figures of each bucket in which there was something; `bounds` from the first to the last. */
export async function figuresByBucket(ctx: Ctx, bounds: Timestamp[], filters: Filters): Promise<Map<number, Figures>> {
  const partOf = (at: SQL) => sql`width_bucket(${at}, (select bounds from asked))`;
  return figuresOf(ctx, bounds, filters, partOf, sql`(part)`);
}

/** The figures of all channels, and of each on which there was something. */
export async function figuresByChannel(ctx: Ctx, bounds: Timestamp[], filters: Filters) {
  const kinds = ChannelKind.options;
  const partOf = () =>
    sql`array_position(array[${sql.join(
      kinds.map((kind) => sql`${kind}::text`),
      sql`, `,
    )}], channel)`;
  const figures = await figuresOf(ctx, bounds, filters, partOf, sql`(part), ()`);
  return {
    whole: figures.get(0) ?? nothing,
    channels: kinds.flatMap((channel, at) => {
      const found = figures.get(at + 1);
      return found ? [{ channel, ...found }] : [];
    }),
  };
}

async function figuresOf(
  ctx: Ctx,
  bounds: Timestamp[],
  filters: Filters,
  partOf: (at: SQL) => SQL,
  sets: SQL,
): Promise<Map<number, Figures>> {
  await assertMine(ctx, channels, "/channel_id", filters.channel_id);
  const rows = await query<Row>(ctx.db, writeQuery(ctx, { bounds, filters, partOf, sets, mark: await markOf(ctx) }));
  return new Map(rows.map(({ part, ...row }) => [part, present(row)]));
}

interface Asked {
  bounds: Timestamp[];
  filters: Filters;
  /** Into which part a moment falls. */
  partOf: (at: SQL) => SQL;
  /** Whether all parts together are wanted too. */
  sets: SQL;
  mark: string;
}

/**
 * Conversations are read once: whatever happened to one since the period began, it was changed since then, and the index
 * of changes finds it. Messages are not read at all: they are counted by quarters of an hour.
 */
function writeQuery(ctx: Ctx, { bounds, filters, partOf, sets, mark }: Asked): SQL {
  const period = { from: bounds[0]!, to: bounds.at(-1)! };
  const { from, to } = { from: sql`${period.from}::timestamptz`, to: sql`${period.to}::timestamptz` };
  const chosen = chosenBy(filters);
  const within = (at: SQL) => sql`${at} >= ${from} and ${at} < ${to}`;
  /** What two moments are apart, by the second of them. */
  const waits = (since: SQL, at: SQL, which: SQL) => sql`
    select coalesce(part, 0) as part, percentile_cont(array[0.5, 0.9]) within group (order by seconds) as seconds
    from (select ${partOf(at)} as part, extract(epoch from ${at} - ${since})::float8 as seconds from conversation where ${within(at)} and ${which}) as wait
    group by grouping sets (${sets})`;
  return sql`
    with asked as (
      select array(select at::timestamptz from json_array_elements_text(${JSON.stringify(bounds)}::text::json) with ordinality as bound(at, place)
        order by place) as bounds
    ), conversation as materialized (
      select channel, status, closed_by, created_at, closed_at, first_inbound_at, first_response_at, handed_over_at
      from ${conversations} where workspace_id = ${sql.param(ctx.workspace_id, conversations.workspace_id)} and updated_at >= ${from}
        and created_at < ${to} and ${chosen}
    ), fact as (
      select ${partOf(sql`created_at`)} as part, count(*) as opened, 0 as closed, 0 as resolved, 0 as resolved_by_ai, 0 as handed_over,
        0 as handled, 0 as messages_inbound, 0 as messages_outbound
      from conversation where ${within(sql`created_at`)} group by 1
      union all
      select ${partOf(sql`closed_at`)}, 0, count(*), count(*) filter (where status = 'resolved'),
        count(*) filter (where status = 'resolved' and closed_by = 'ai_agent'), 0, 0, 0, 0
      from conversation where ${within(sql`closed_at`)} group by 1
      union all
      select ${partOf(sql`handed_over_at`)}, 0, 0, 0, 0, count(*), 0, 0, 0
      from conversation where ${within(sql`handed_over_at`)} group by 1
      union all
      select part, 0, 0, 0, 0, 0, count(*), 0, 0
      from (select distinct ${partOf(sql`starts_at`)} as part, conversation_id from (${handled(ctx, period, mark)}) as handled where ${chosen}) as handled
      group by 1
      union all
      select ${partOf(sql`starts_at`)}, 0, 0, 0, 0, 0, 0, sum(quantity) filter (where metric = 'messages_inbound'),
        sum(quantity) filter (where metric = 'messages_outbound')
      from (${counted(ctx, period, mark)}) as counted where metric in ('messages_inbound', 'messages_outbound') and ${chosen} group by 1
    ), amount as (
      select coalesce(part, 0) as part, ${sql.join(
        amounts.map((what) => sql`coalesce(sum(${sql.identifier(what)}), 0)::int as ${sql.identifier(what)}`),
        sql`, `,
      )}
      from fact group by grouping sets (${sets})
    ), response as (${waits(sql`first_inbound_at`, sql`first_response_at`, sql`first_inbound_at is not null`)}
    ), resolution as (${waits(sql`created_at`, sql`closed_at`, sql`status = 'resolved'`)})
    select amount.*, response.seconds[1] as first_response_p50, response.seconds[2] as first_response_p90,
      resolution.seconds[1] as resolution_p50, resolution.seconds[2] as resolution_p90
    from amount left join response using (part) left join resolution using (part)`;
}

function chosenBy({ channel, channel_id }: Filters): SQL {
  const kinds = channel?.map((kind) => sql`${kind}`);
  const kind = kinds ? sql`channel in (${sql.join(kinds, sql`, `)})` : sql`true`;
  const one = channel_id ? sql`channel_id = ${sql.param(channel_id, conversations.channel_id)}` : sql`true`;
  return sql`${kind} and ${one}`;
}

/** To the millisecond, as instants are. */
const rounded = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds * 1000) / 1000);

const rateOf = (part: number, whole: number): number | null => (whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000);

const present = ({ first_response_p50, first_response_p90, resolution_p50, resolution_p90, ...row }: Omit<Row, "part">): Figures => ({
  ...row,
  first_response_seconds: { p50: rounded(first_response_p50), p90: rounded(first_response_p90) },
  resolution_seconds: { p50: rounded(resolution_p50), p90: rounded(resolution_p90) },
  ai_resolution_rate: rateOf(row.resolved_by_ai, row.resolved),
  hand_over_rate: rateOf(row.handed_over, row.handed_over + row.resolved_by_ai),
  sentiment_score: null,
});

const no_waits: Waits = { first_response_p50: null, first_response_p90: null, resolution_p50: null, resolution_p90: null };

/** Of what was not counted. */
export const nothing: Figures = present({
  ...(Object.fromEntries(amounts.map((what) => [what, 0])) as Record<(typeof amounts)[number], number>),
  ...no_waits,
});
