import { isDeepStrictEqual } from "node:util";
import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { between, changesOf } from "../core/changes.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { mine } from "../db/mine.ts";
import { assertWebhookUrl } from "../posting/address-guard.ts";
import type { UpdateEndpoint } from "./contract.ts";
import { patchedHeaders, readHeaders, sealHeaders, type HeaderPatch } from "./endpoint-headers.ts";
import { liveEndpoint } from "./find-endpoint.ts";
import { presentEndpoint } from "./present.ts";
import { webhook_endpoints } from "./tables.ts";
import { outOfService, withdrawWaiting } from "./withdraw.ts";

type EndpointRow = typeof webhook_endpoints.$inferSelect;

/** Judges a new URL before the transaction: that takes the network. */
export const judgeNewUrl = async (ctx: Ctx, { url }: UpdateEndpoint): Promise<string | undefined> =>
  url === undefined ? undefined : assertWebhookUrl(url, ctx.network);

/** Changes what is named and leaves the rest; what is so already is no change. What is on its way goes where it was going; what waits goes to the new URL. */
export async function updateEndpoint(ctx: TxCtx, input: UpdateEndpoint, url: string | undefined) {
  const endpoint = await liveEndpoint(ctx, input.endpoint_id, { lock: "update" });
  const { sealed_headers, ...changes } = changesOf(endpoint, wantedOf(ctx, endpoint, input, url));
  if (sealed_headers === undefined && Object.keys(changes).length === 0) return presentEndpoint(ctx, endpoint);

  const now = ctx.now();
  const ends = changes.enabled === false;
  const [updated] = await ctx.db
    .update(webhook_endpoints)
    .set({ ...changes, ...(sealed_headers !== undefined && { sealed_headers }), ...(ends && outOfService(now)), updated_at: now })
    .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.id, endpoint.id)))
    .returning();
  if (ends) await withdrawWaiting(ctx.db, updated!, now);
  // Of headers it is told that they were changed.
  const told = between(endpoint, changes);
  await record(ctx, "webhook_endpoint.updated", endpoint.id, {
    ...told,
    changed: [...told.changed, ...(sealed_headers === undefined ? [] : ["headers"])],
  });
  return presentEndpoint(ctx, updated!);
}

function wantedOf(ctx: TxCtx, endpoint: EndpointRow, input: UpdateEndpoint, url: string | undefined) {
  return {
    url,
    name: input.name,
    event_types: input.event_types && [...new Set(input.event_types)],
    channels: input.channels && [...new Set(input.channels)],
    delivery_id_header: input.delivery_id_header,
    sealed_headers: sealedAnew(ctx, endpoint, input.headers ?? {}),
    enabled: input.enabled,
    // A fresh start: neither what once disabled it nor how it fared before says anything about it now.
    ...(input.enabled && !endpoint.enabled && { disabled_reason: null, failing_since: null }),
  };
}

/** Undefined where they stay as they are. Of what cannot be read nothing is kept once a header is named. */
function sealedAnew(ctx: TxCtx, endpoint: EndpointRow, patch: HeaderPatch): string | null | undefined {
  if (Object.keys(patch).length === 0) return undefined;
  const held = readHeaders(ctx, endpoint);
  const headers = patchedHeaders(held ?? {}, patch);
  return isDeepStrictEqual(held, headers) ? undefined : sealHeaders(ctx, headers);
}
