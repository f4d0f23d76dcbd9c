import { isNull } from "drizzle-orm";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Listing } from "../core/page.ts";
import { findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import type { EndpointRef, ListEndpoints } from "./contract.ts";
import { presentEndpoint } from "./present.ts";
import { webhook_endpoints } from "./tables.ts";

/** The workspace's endpoints, the newest first. */
export async function listEndpoints(ctx: Ctx, input: ListEndpoints) {
  const listing: Listing = { name: "webhook endpoints", filters: input };
  const filters = isNull(webhook_endpoints.deleted_at);
  return readPage(ctx, webhook_endpoints, listing, input, filters, (row) => presentEndpoint(ctx, row));
}

/** One endpoint. */
export const findEndpoint = async (ctx: Ctx, { endpoint_id }: EndpointRef) => presentEndpoint(ctx, await liveEndpoint(ctx, endpoint_id));

/** The same, held until the transaction ends: what is decided about it stays true. */
export const lockEndpoint = async (ctx: TxCtx, { endpoint_id }: EndpointRef) =>
  presentEndpoint(ctx, await liveEndpoint(ctx, endpoint_id, { lock: "update" }));

/** A deleted endpoint lives on in its log, and nowhere else. */
export async function liveEndpoint(ctx: Ctx | TxCtx, id: Id<"whe">, options: { lock?: "update" } = {}) {
  const endpoint = await findMine(ctx, webhook_endpoints, id, options);
  if (endpoint.deleted_at) throw new ApiError("not_found");
  return endpoint;
}
