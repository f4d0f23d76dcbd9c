import { and, eq, isNull, sql } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { mine } from "../db/mine.ts";
import { workspaces } from "../workspaces/tables.ts";
import { assertWebhookUrl } from "../posting/address-guard.ts";
import type { CreateEndpoint } from "./contract.ts";
import { patchedHeaders, sealHeaders } from "./endpoint-headers.ts";
import { presentEndpoint } from "./present.ts";
import { webhook_endpoints } from "./tables.ts";

const endpoints_per_workspace = 50;

/** Judges the URL before the transaction: that takes the network. */
export const judgeUrl = (ctx: Pick<TxCtx, "network">, { url }: { url: string }): Promise<string> => assertWebhookUrl(url, ctx.network);

/** Adds a URL that events are posted to from now on. */
export async function createEndpoint(ctx: TxCtx, { headers, ...input }: CreateEndpoint, url: string) {
  const sealed_headers = sealHeaders(ctx, patchedHeaders({}, headers ?? {}));
  await assertRoom(ctx);
  const now = ctx.now();
  const [endpoint] = await ctx.db
    .insert(webhook_endpoints)
    .values({
      ...input,
      workspace_id: ctx.workspace_id,
      id: ctx.newId("whe"),
      url,
      sealed_headers,
      name: input.name ?? null,
      event_types: [...new Set(input.event_types)],
      channels: input.channels ? [...new Set(input.channels)] : null,
      created_at: now,
      updated_at: now,
    })
    .returning();
  await record(ctx, "webhook_endpoint.created", endpoint!.id, { url });
  return presentEndpoint(ctx, endpoint!);
}

/** The workspace's row is the lock: two at once cannot both be the fiftieth. */
async function assertRoom(ctx: TxCtx): Promise<void> {
  await ctx.db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.id, ctx.workspace_id)).for("no key update");
  const [{ count } = { count: 0 }] = await ctx.db
    .select({ count: sql<number>`count(*)::int` })
    .from(webhook_endpoints)
    .where(and(mine(ctx, webhook_endpoints), isNull(webhook_endpoints.deleted_at)));
  if (count < endpoints_per_workspace) return;
  throw new ApiError("limit_reached", { detail: `A workspace may have ${endpoints_per_workspace} webhook endpoints.` });
}
