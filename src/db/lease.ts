import { randomUUID } from "node:crypto";
import { and, eq, sql, type SQL } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Db } from "../core/context.ts";
import { idOf, uuidOf, type Id } from "../core/ids.ts";
import { after, seconds, type Timestamp } from "../core/time.ts";
import { statement } from "./statement.ts";

/** A table whose rows are work. */
type WorkTable = PgTable &
  Record<"workspace_id" | "id" | "status" | "due_at" | "attempts" | "lease_id" | "lease_until" | "updated_at", AnyPgColumn>;

export interface Queue<More extends object = object> {
  table: WorkTable;
  /** What takes turns: an endpoint, a channel. A lane with a million rows delays no other. */
  lane: AnyPgColumn;
  /** The table's own words for the three states of work, and for what a worker's death leaves behind. */
  words: { ready: string; waiting: string; leased: string; abandoned: string };
  /**
   * Of rows with the same value here only the oldest that is not done is taken: what waits for another try, or is under way, holds
   * back those behind it. An index has the rows that are not done by this column and their id.
   */
  one_after_another_of?: AnyPgColumn;
  /**
   * Half of what a lane may take is kept for rows that were never tried, so that a mountain of retries does not stand
   * before them. The index of ready rows then has `least(attempts, 1)` behind the lane.
   */
  keeps_half_for_first?: boolean;
  /** What a claim tells of its rows (`w`) besides: columns, and what they are joined with, for each row by its key. `type` is never set. */
  tells?: { columns: SQL; beside: SQL; type?: More };
}

/** A word as a literal: with a parameter in its place no plan could use the indexes that hold only such rows. */
const word = (text: string): SQL => sql.raw(`'${text}'`);

export interface Claim {
  workspace_id: Id<"ws">;
  uuid: string;
  lane: string;
  lease_id: string;
  lease_until: Timestamp;
  /** Attempts made before this one. */
  attempts: number;
}

export const lease_ms = seconds(60);

/** Where the next claim starts, so that every lane has its turn. Each process keeps its own. */
export interface Turn {
  workspace_id: string;
  lane: string;
}
const nowhere = "00000000-0000-0000-0000-000000000000";
export const firstTurn = (): Turn => ({ workspace_id: nowhere, lane: nowhere });
export const isFirst = ({ lane }: Turn): boolean => lane === nowhere;

/**
 * Work whose time has come becomes ready, and dead leases become what the queue says; a thousand of each at a time. The range of
 * time has two ends because an index may serve such searches alone. What is found is changed where it lies: to join a thousand keys
 * with the table a plan may read the whole of it, and a log is long.
 */
export async function revive(db: Db, { table, words }: Queue, now: Timestamp): Promise<void> {
  await db.execute(sql`
    /* across tenants: revive */
    with due as (
      select ctid as place from ${table} where status = ${word(words.waiting)} and due_at > '-infinity' and due_at <= ${now}::timestamptz
      order by due_at limit 1000 for update skip locked
    ), dead as (
      select ctid as place from ${table} where status = ${word(words.leased)} and lease_until < ${now}::timestamptz
      order by lease_until limit 1000 for update skip locked
    ), woken as (
      update ${table} set status = ${word(words.ready)} where ctid = any(array(select place from due))
    )
    update ${table} set status = ${word(words.abandoned)}, lease_id = null, lease_until = null, updated_at = ${now}::timestamptz
    where ctid = any(array(select place from dead))`);
}

export interface Limits {
  lanes: number;
  in_flight_per_lane: number;
  limit: number;
}

/**
 * Leases ready rows, fairly: walks the lanes that have any (a skip scan over the index of ready rows) from
 * where the last claim stopped, and takes from each, oldest first, no more than it may have in flight. All that is
 * taken at once has one lease. Where nothing was leased there may be more behind: until `turn` is the first.
 */
export async function claim<More extends object>(
  db: Db,
  queue: Queue<More>,
  { now, turn, ...limits }: Limits & { now: Timestamp; turn: Turn },
): Promise<{ claims: (Claim & More)[]; turn: Turn }> {
  const lease = { lease_id: randomUUID(), lease_until: after(now, lease_ms) };
  const rows = (await claimingOf(queue)(db, { ...turn, ...limits, ...lease })) as Told<More>[];
  const leased = rows.filter((row) => row.uuid !== null);
  const next = turnAfter(rows.find((row) => row.last_turn !== null)?.last_turn, leased, limits);
  return { claims: claimsOf(leased, lease), turn: next };
}

const claiming = new WeakMap<Queue, ReturnType<typeof statement<object>>>();

function claimingOf(queue: Queue) {
  const made = claiming.get(queue) ?? statement<object>(() => claimFrom(queue));
  claiming.set(queue, made);
  return made;
}

function claimFrom(queue: Queue): SQL {
  const { table, lane, words, tells } = queue;
  const lane_id = sql.identifier(lane.name);
  const ready = sql`w.status = ${word(words.ready)}`;
  // The order of the index of ready rows and of no other: a plan that walks another would read whole lanes.
  const in_order = sql`w.workspace_id, w.${lane_id}, ${queue.keeps_half_for_first ? sql`least(w.attempts, 1)` : sql`w.due_at`}`;
  return sql`
    /* across tenants: claim */
    with recursive turn(workspace_id, lane, n) as (
      (select w.workspace_id, w.${lane_id}, 1 from ${table} as w
       where ${ready} and (w.workspace_id, w.${lane_id}) > (${sql.placeholder("workspace_id")}::uuid, ${sql.placeholder("lane")}::uuid)
       order by ${in_order} limit 1)
      union all
      select following.*, turn.n + 1 from turn cross join lateral (
        select w.workspace_id, w.${lane_id} from ${table} as w
        where ${ready} and (w.workspace_id, w.${lane_id}) > (turn.workspace_id, turn.lane)
        order by ${in_order} limit 1) as following
      where turn.n < ${sql.placeholder("lanes")}::int
    ), picked as (
      select ready.workspace_id, ready.id from turn cross join lateral (
        select greatest(0, ${sql.placeholder("in_flight_per_lane")}::int - count(*))::int as n from ${table} as busy
        where busy.status = ${word(words.leased)} and busy.workspace_id = turn.workspace_id and busy.${lane_id} = turn.lane
      ) as room cross join lateral (${pick(queue)}) as ready
      limit ${sql.placeholder("limit")}::int
    ), leased as (
      update ${table} as w
      set status = ${word(words.leased)}, lease_id = ${sql.placeholder("lease_id")}::uuid, lease_until = ${sql.placeholder("lease_until")}::timestamptz
      from picked where w.workspace_id = picked.workspace_id and w.id = picked.id
      returning w.*
    )
    select case when coalesce(held.place, 1) = 1 then last.turn end as last_turn, held.*
    from (select to_json(turn)::text as turn from turn order by n desc limit 1) as last left join (
      select w.place, w.workspace_id, w.id as uuid, w.${lane_id} as lane, w.attempts${tells ? sql`, ${tells.columns}` : sql``}
      from (select *, row_number() over (order by due_at, id) as place from leased) as w ${tells?.beside ?? sql``}) as held on ${commitsSoon(queue)}`;
}

/**
 * A lease that a crash of the database undoes leaves its rows ready. Where a worker that dies leaves them so too, nothing is
 * lost by it, and a claim does not wait for the disk.
 */
const commitsSoon = ({ words }: Queue): SQL =>
  words.abandoned === words.ready ? sql`(select set_config('synchronous_commit', 'off', true)) = 'off'` : sql`true`;

interface Leased extends Turn {
  /** Where the walk ended, as JSON: one row says it. */
  last_turn: string | null;
  uuid: string;
  attempts: number;
}

/** A walk that found lanes of which none had room tells of itself alone. */
type Told<More> = (Leased & More) | { last_turn: string | null; uuid: null };

function turnAfter(told: string | null | undefined, leased: readonly Leased[], { lanes, limit }: Limits): Turn {
  if (!told) return firstTurn();
  const last = JSON.parse(told) as Turn & { n: number };
  const { workspace_id, lane } = leased.length >= limit ? leased.reduce<Turn>(laterOf, firstTurn()) : last;
  // A short walk that was walked to its end means that there is no lane behind: start over.
  const is_over = last.n < lanes && last.lane === lane;
  return is_over ? firstTurn() : { workspace_id, lane };
}

/** The rows themselves, with their lease: a copy of each would cost more than its claim. */
function claimsOf<More extends object>(leased: (Leased & More)[], lease: Pick<Claim, "lease_id" | "lease_until">): (Claim & More)[] {
  const workspaces = new Map<string, Id<"ws">>();
  return leased.map((row) => {
    const workspace_id = workspaces.get(row.workspace_id) ?? idOf("ws", row.workspace_id);
    workspaces.set(row.workspace_id, workspace_id);
    return Object.assign(row, lease, { workspace_id });
  });
}

/** What a lane (`turn`) gives when it has room for `room.n`: the oldest first, and of each kind no more rows are read than are taken. */
function pick(queue: Queue): SQL {
  const { table, lane, words, keeps_half_for_first } = queue;
  const oldest = (limit: SQL, which = sql`true`) => sql`
    select w.workspace_id, w.id from ${table} as w
    where w.status = ${word(words.ready)} and w.workspace_id = turn.workspace_id and w.${sql.identifier(lane.name)} = turn.lane and ${which}${isNext(queue)}
    order by w.due_at, w.id limit ${limit} for update skip locked`;
  if (!keeps_half_for_first) return oldest(sql`room.n`);
  // Where the half is not a whole number chance decides: room for one must starve neither kind.
  return sql`
    with first as materialized (${oldest(sql`room.n`, sql`least(w.attempts, 1) = 0`)}
    ), again as materialized (${oldest(
      sql`room.n - least((select count(*) from first), floor(room.n / 2.0 + random())::int)`,
      sql`least(w.attempts, 1) = 1`,
    )})
    select * from again union all (select * from first limit room.n - (select count(*) from again))`;
}

function isNext({ table, words, one_after_another_of: column }: Queue): SQL {
  if (!column) return sql``;
  const those = sql.identifier(column.name);
  return sql` and not exists (
      select from ${table} as before
      where before.status in (${word(words.ready)}, ${word(words.waiting)}, ${word(words.leased)})
        and before.workspace_id = w.workspace_id and before.${those} = w.${those} and before.id < w.id)`;
}

const laterOf = (a: Turn, { workspace_id, lane }: Turn): Turn =>
  a.workspace_id + a.lane < workspace_id + lane ? { workspace_id, lane } : a;

/** Gives back what was leased and not begun: it is ready at once, and not only when the lease is over. */
export async function release(db: Db, { table, words }: Queue, claims: readonly Claim[], now: Timestamp): Promise<void> {
  if (claims.length === 0) return;
  const rows = JSON.stringify(
    claims.map(({ workspace_id, uuid, lease_id }) => ({ workspace_id: uuidOf(workspace_id), id: uuid, lease_id })),
  );
  await db.execute(sql`
    /* across tenants: release */
    update ${table} as w set status = ${word(words.ready)}, lease_id = null, lease_until = null, updated_at = ${now}::timestamptz
    from json_to_recordset(${rows}::text::json) as held(workspace_id uuid, id uuid, lease_id uuid)
    where w.workspace_id = held.workspace_id and w.id = held.id and w.lease_id = held.lease_id`);
}

/** The lease is the fence: a worker that lost it changes nothing. */
export const stillLeased = ({ table, words }: Queue, { workspace_id, uuid, lease_id }: Claim): SQL =>
  and(
    eq(table.workspace_id, workspace_id),
    sql`${table.id} = ${uuid}::uuid`,
    eq(table.lease_id, lease_id),
    eq(table.status, words.leased),
  )!;
