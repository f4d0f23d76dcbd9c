import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";

/** Where a page ended: the sort value and the id of its last row. */
export type Position = readonly [sort: string, id: string];

export interface Page<T> {
  object: "list";
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
  /** Only where it was asked for. */
  total_count?: number;
}

/** The list a cursor is bound to: another list, tenant or filter refuses it. */
export interface Listing {
  name: string;
  filters: object;
}

/**
 * `rows` holds up to one more than `limit`: that one only tells that there is more. Where nobody looked further than to an
 * edge, there is more behind it, however few were found.
 */
export function pageOf<T>(
  ctx: Ctx,
  listing: Listing,
  rows: T[],
  limit: number,
  positionOf: (row: T) => Position,
  edge?: Position,
): Page<T> {
  const data = rows.slice(0, limit);
  const end = rows.length > limit ? positionOf(data.at(-1)!) : edge;
  return { object: "list", data, has_more: end !== undefined, next_cursor: end ? writeCursor(ctx, listing, end) : null };
}

/**
 * A page of a feed, whose readers come back for more: it always ends in a cursor, behind its last row or,
 * where there is no more, behind everything that is finished.
 */
export function feedOf<R extends { xid: string; id: string }, T>(
  ctx: Ctx,
  listing: Listing,
  rows: R[],
  limit: number,
  horizon: Position,
  present: (row: R) => T,
): Page<T> {
  const page = pageOf(ctx, listing, rows, limit, ({ xid, id }) => [xid, id]);
  return { ...page, data: page.data.map(present), next_cursor: page.next_cursor ?? writeCursor(ctx, listing, horizon) };
}

export function readCursor(ctx: Ctx, listing: Listing, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [body = "", signature = "", ...rest] = cursor.split(".");
  const genuine = rest.length === 0 && ctx.vault.isSignature(signature, "cursors", bound(ctx, listing, body));
  if (!genuine) throw new ApiError("invalid_cursor");
  return JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Position;
}

export function writeCursor(ctx: Ctx, listing: Listing, position: Position): string {
  const body = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${body}.${ctx.vault.sign("cursors", bound(ctx, listing, body))}`;
}

function bound(ctx: Ctx, { name, filters }: Listing, body: string): string {
  const { cursor: _cursor, limit: _limit, include_total: _include_total, ...rest } = filters as Record<string, unknown>;
  return [name, ctx.workspace_id, JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))), body].join("\n");
}
