import { and, gt, gte, lt, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { firstIdAt, type Id, type Prefix } from "../core/ids.ts";
import { minutes, shifted, type Timestamp } from "../core/time.ts";
import { given } from "./query.ts";

interface Range {
  created_after?: Timestamp | undefined;
  created_before?: Timestamp | undefined;
}

/** Ids are made in order of time, but not in the very moment that their row says. */
const slack_ms = minutes(1);

/** No row from that moment on has a lower id. */
export const idsFrom = <P extends Prefix>(prefix: P, moment: Timestamp): Id<P> => firstIdAt(prefix, shifted(moment, -slack_ms));

/** Every row before that moment has a lower id. */
export const idsBefore = <P extends Prefix>(prefix: P, moment: Timestamp): Id<P> => firstIdAt(prefix, shifted(moment, slack_ms));

/** That a row was created in a range of time. Its bounds as ids keep a list that goes by them from searching for where the range begins. */
export const createdWithin = (
  table: { id: AnyPgColumn; created_at: AnyPgColumn },
  prefix: Prefix,
  { created_after, created_before }: Range,
) =>
  and(
    given(created_after, (moment) => and(gt(table.created_at, moment), gte(table.id, idsFrom(prefix, moment)))!),
    given(created_before, (moment) => and(lt(table.created_at, moment), lt(table.id, idsBefore(prefix, moment)))!),
  ) satisfies SQL | undefined;

/** That a moment is in a range of time. */
export const within = (column: AnyPgColumn, after: Timestamp | undefined, before: Timestamp | undefined): SQL | undefined =>
  and(
    given(after, (moment) => gt(column, moment)),
    given(before, (moment) => lt(column, moment)),
  );
