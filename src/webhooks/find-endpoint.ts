import { and, desc, isNull, lt } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { findMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import type { EndpointRef, ListEndpoints } from "./contract.ts";
import { presentEndpoint } from "./present.ts";
import { webhook_endpoints } from "./tables.ts";

/** The workspace's endpoints, the newest first. */
export async function listEndpoints(ctx: Ctx, input: ListEndpoints) {
  const listing: Listing = { name: "webhook endpoints", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  const filters = and(mine(ctx, webhook_endpoints), isNull(webhook_endpoints.deleted_at));
  const rows = await ctx.db
    .select()
    .from(webhook_endpoints)
    .where(
      and(
        filters,
        given(position, ([, last]) => lt(webhook_endpoints.id, last as Id<"whe">)),
      ),
    )
    .orderBy(desc(webhook_endpoints.id))
    .limit(input.limit + 1);
  const page = pageOf(ctx, listing, rows.map(presentEndpoint), input.limit, (row) => [row.created_at, row.id]);
  return { ...page, ...(await totalOf(ctx, input, webhook_endpoints, filters)) };
}

/** One endpoint. */
export const findEndpoint = async (ctx: Ctx, { endpoint_id }: EndpointRef) => presentEndpoint(await liveEndpoint(ctx, endpoint_id));

/** The same, held until the transaction ends: what is decided about it stays true. */
export const lockEndpoint = async (ctx: TxCtx, { endpoint_id }: EndpointRef) =>
  presentEndpoint(await liveEndpoint(ctx, endpoint_id, { lock: "update" }));

/** A deleted endpoint lives on in its log, and nowhere else. */
export async function liveEndpoint(ctx: Ctx | TxCtx, id: Id<"whe">, options: { lock?: "update" } = {}) {
  const endpoint = await findMine(ctx, webhook_endpoints, id, options);
  if (endpoint.deleted_at) throw new ApiError("not_found");
  return endpoint;
}
