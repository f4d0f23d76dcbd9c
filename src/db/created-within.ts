import { and, gt, gte, lt, type SQL } from "drizzle-orm";
import type { AnyPgColumn } from "drizzle-orm/pg-core";
import { firstIdAt, type Prefix } from "../core/ids.ts";
import { minutes, shifted, type Timestamp } from "../core/time.ts";
import { given } from "./query.ts";

interface Range {
  created_after?: Timestamp | undefined;
  created_before?: Timestamp | undefined;
}

/**
 * That a row was created in a range of time. Ids are made in order of time, if not in the very moment of their row's:
 * they keep a list that goes by them from searching for where the range begins.
 */
export const createdWithin = (
  table: { id: AnyPgColumn; created_at: AnyPgColumn },
  prefix: Prefix,
  { created_after, created_before }: Range,
) =>
  and(
    given(created_after, (moment) => and(gt(table.created_at, moment), gte(table.id, firstIdAt(prefix, shifted(moment, -slack_ms))))!),
    given(created_before, (moment) => and(lt(table.created_at, moment), lt(table.id, firstIdAt(prefix, shifted(moment, slack_ms))))!),
  ) satisfies SQL | undefined;

const slack_ms = minutes(1);
