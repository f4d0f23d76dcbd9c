import { and, asc, eq, gt, gte, inArray, isNull, lt, sql, type SQL } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError, invalid, type Fault } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { after, epochMs, hours, seconds, timestamp, type Timestamp } from "../core/time.ts";
import { idsBefore, idsFrom } from "../db/created-within.ts";
import { findMine, mine } from "../db/mine.ts";
import { given, query } from "../db/query.ts";
import type { JobRow } from "../jobs/present.ts";
import { startJob } from "../jobs/start-job.ts";
import type { Step } from "../jobs/work-jobs.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { ReplayDeliveries } from "./contract.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { events, webhook_deliveries, webhook_endpoints } from "./tables.ts";

interface Range {
  endpoint_id: Id<"whe">;
  since: Timestamp;
  until: Timestamp;
}

const per_step = 500;

/** Leaves to a job what an endpoint is to be told again, or at last. */
export async function replayDeliveries(ctx: TxCtx, { endpoint_id, deliveries, since, until }: ReplayDeliveries) {
  const range = { endpoint_id, since: timestamp(epochMs(since)), until: until === undefined ? ctx.now() : timestamp(epochMs(until)) };
  const endpoint = await liveEndpoint(ctx, endpoint_id);
  await assertRange(ctx, range);
  assertEnabled(endpoint);
  await record(ctx, "webhook_endpoint.replayed", endpoint_id, { deliveries, since: range.since, until: range.until });
  return startJob(ctx, `replay_${deliveries}`, { ...range });
}

async function assertRange(ctx: Ctx, { since, until }: Range): Promise<void> {
  const [workspace] = await ctx.db
    .select({ days: workspaces.event_retention_days })
    .from(workspaces)
    .where(eq(workspaces.id, ctx.workspace_id));
  const { days } = workspace!;
  const faults: Fault[] = [];
  if (since < after(ctx.now(), -hours(24 * days)))
    faults.push({ pointer: "/since", code: "too_far_back", detail: `since: events are kept for ${days} days.` });
  if (until <= since) faults.push({ pointer: "/until", code: "not_allowed", detail: "until: must be later than since." });
  if (faults.length > 0) throw invalid(...faults);
}

type EndpointRow = typeof webhook_endpoints.$inferSelect;

function assertEnabled({ enabled, deleted_at }: EndpointRow): void {
  if (!enabled || deleted_at) throw new ApiError("endpoint_disabled");
}

/** One more attempt for each delivery that has failed; what fails again stays failed. */
export async function replayFailed(ctx: TxCtx, job: JobRow): Promise<Step> {
  return replayEnded(ctx, job, await endpointOf(ctx, job), "failed");
}

/**
 * The same of those that were canceled, as all were that waited when the endpoint went out of service. That is written to them little
 * by little: it begins when none is left of an earlier term that is still to be canceled, being written, or under way.
 */
export async function replayCanceled(ctx: TxCtx, job: JobRow): Promise<Step> {
  const endpoint = await endpointOf(ctx, job);
  const may_begin = job.position !== null || ((await isOver(ctx, job.xid)) && !(await isTermEnding(ctx, endpoint)));
  if (!may_begin) return later(job);
  return replayEnded(ctx, job, endpoint, "canceled");
}

/** Each state by itself: it has an index of its own. */
async function isTermEnding(ctx: TxCtx, { id, term }: EndpointRow): Promise<boolean> {
  const left = ["ready", "scheduled", "delivering"].map((status) => {
    const of_endpoint = and(mine(ctx, webhook_deliveries), eq(webhook_deliveries.endpoint_id, id));
    return sql`exists (select from ${webhook_deliveries}
      where ${of_endpoint} and ${webhook_deliveries.status} = ${sql.raw(`'${status}'`)} and ${lt(webhook_deliveries.term, term)})`;
  });
  const [row] = await query<{ is_ending: boolean }>(ctx.db, sql`select ${sql.join(left, sql` or `)} as is_ending`);
  return row!.is_ending;
}

async function replayEnded(ctx: TxCtx, job: JobRow, endpoint: EndpointRow, status: "failed" | "canceled"): Promise<Step> {
  const range = rangeOf(job);
  const ended = and(
    mine(ctx, webhook_deliveries),
    eq(webhook_deliveries.endpoint_id, endpoint.id),
    eq(webhook_deliveries.status, sql.raw(`'${status}'`)),
    gte(webhook_deliveries.created_at, range.since),
    lt(webhook_deliveries.created_at, range.until),
    gte(webhook_deliveries.id, idsFrom("dlv", range.since)),
    lt(webhook_deliveries.id, idsBefore("dlv", range.until)),
    happened(ctx),
  );
  const total = job.position === null ? await ctx.db.$count(webhook_deliveries, ended) : job.total;
  const picked = await ctx.db
    .select({ id: webhook_deliveries.id })
    .from(webhook_deliveries)
    .where(
      and(
        ended,
        given(job.position ?? undefined, (position) => gt(webhook_deliveries.id, position as Id<"dlv">)),
      ),
    )
    .orderBy(asc(webhook_deliveries.id))
    .limit(per_step)
    .for("update");
  const ids = picked.map(({ id }) => id);
  if (ids.length > 0) {
    const now = ctx.now();
    await ctx.db
      .update(webhook_deliveries)
      .set({ status: "ready", trigger: "manual", resting_status: status, term: endpoint.term, due_at: now, updated_at: now })
      .where(and(mine(ctx, webhook_deliveries), inArray(webhook_deliveries.id, ids)));
    ctx.wake("webhooks");
  }
  return { position: ids.at(-1) ?? job.position, processed: ids.length, total, next: ids.length < per_step ? "done" : "now" };
}

/** What somebody only tried out is no event that could be missing. */
const happened = (ctx: Ctx): SQL =>
  sql`exists (select 1 from ${events} where ${mine(ctx, events)} and ${events.id} = ${webhook_deliveries.event_id} and not ${events.is_test})`;

/**
 * A delivery of each event that the endpoint would be told of today and was not. It begins when every transaction
 * has ended that was running when it was asked for: what one of them still writes would be missed.
 */
export async function replayMissing(ctx: TxCtx, job: JobRow): Promise<Step> {
  const range = rangeOf(job);
  const endpoint = await endpointOf(ctx, job);
  if (!(await isOver(ctx, job.xid))) return later(job);

  const looked = await ctx.db
    .select({
      id: events.id,
      type: events.type,
      conversation_id: events.conversation_id,
      wanted: and(
        inArray(events.type, endpoint.event_types),
        endpoint.channels ? inArray(events.channel, endpoint.channels) : sql`true`,
        gte(events.created_at, range.since),
        sql`not ${events.is_test}`,
        isNull(webhook_deliveries.id),
      )!.mapWith(Boolean),
    })
    .from(events)
    .leftJoin(
      webhook_deliveries,
      and(
        eq(webhook_deliveries.workspace_id, events.workspace_id),
        eq(webhook_deliveries.event_id, events.id),
        eq(webhook_deliveries.endpoint_id, endpoint.id),
      ),
    )
    .where(
      and(
        mine(ctx, events),
        given(job.position ?? undefined, (position) => gt(events.id, position as Id<"evt">)),
        gte(events.id, idsFrom("evt", range.since)),
        lt(events.id, idsBefore("evt", range.until)),
        lt(events.created_at, range.until),
      ),
    )
    .orderBy(asc(events.id))
    .limit(per_step);
  const now = ctx.now();
  const missing = looked
    .filter(({ wanted }) => wanted)
    .map((event) => ({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("dlv"),
      endpoint_id: endpoint.id,
      event_id: event.id,
      event_type: event.type,
      conversation_id: event.conversation_id,
      status: "ready" as const,
      trigger: "manual" as const,
      term: endpoint.term,
      due_at: now,
      created_at: now,
      updated_at: now,
    }));
  // Another job may have found them at the same time.
  const written =
    missing.length === 0
      ? []
      : await ctx.db.insert(webhook_deliveries).values(missing).onConflictDoNothing().returning({ id: webhook_deliveries.id });
  if (written.length > 0) ctx.wake("webhooks");
  const position = looked.at(-1)?.id ?? job.position;
  return { position, processed: written.length, total: null, next: looked.length < per_step ? "done" : "now" };
}

const rangeOf = ({ input }: JobRow): Range => input as unknown as Range;

async function endpointOf(ctx: TxCtx, job: JobRow): Promise<EndpointRow> {
  const endpoint = await findMine(ctx, webhook_endpoints, rangeOf(job).endpoint_id);
  assertEnabled(endpoint);
  return endpoint;
}

const later = ({ position, total }: JobRow): Step => ({ position, processed: 0, total, next: { wait_ms: seconds(0.25) } });

async function isOver({ db }: TxCtx, xid: string): Promise<boolean> {
  const [row] = await query<{ over: boolean }>(db, sql`select ${xid}::xid8 < pg_snapshot_xmin(pg_current_snapshot()) as over`);
  return row!.over;
}
