import { sql } from "drizzle-orm";
import { customType } from "drizzle-orm/pg-core";
import { idOf, uuidOf, type Id, type Prefix } from "../core/ids.ts";
import type { Timestamp } from "../core/time.ts";

/** `conv_…` in code and on the wire, uuid on disk. */
export const id = <P extends Prefix>(prefix: P, name = "") =>
  customType<{ data: Id<P>; driverData: string }>({
    dataType: () => "uuid",
    toDriver: uuidOf,
    fromDriver: (uuid) => idOf(prefix, uuid),
  })(name);

/** RFC 3339 in code and on the wire. Milliseconds on disk too: with more, a cursor made of it would skip rows. */
export const instant = customType<{ data: Timestamp; driverData: string }>({
  dataType: () => "timestamp (3) with time zone",
  fromDriver: rfc3339,
});

/** Credits to the thousandth. Decimal on disk, so that a sum of any number of them is exact. */
export const credits = customType<{ data: number; driverData: string }>({
  dataType: () => "numeric(14, 3)",
  toDriver: (amount) => amount.toFixed(3),
  fromDriver: Number,
});

/** The id of the transaction that wrote the row; feeds are read up to the oldest one still running. */
export const transactionId = () =>
  customType<{ data: string; driverData: string }>({ dataType: () => "xid8" })()
    .notNull()
    .default(sql`pg_current_xact_id()`);

/** Both drivers hand over PostgreSQL's text of an instant; the session's time zone is UTC. */
export function rfc3339(text: string): Timestamp {
  const fraction = text.length > 22 ? text.slice(20, -3).padEnd(3, "0") : "000";
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`;
}
