import { and, desc, lt } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { findMine, mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import type { ApiKeyRef, ListApiKeys } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** The workspace's keys, the newest first; the revoked ones too, for they stand in the audit log. */
export async function listApiKeys(ctx: Ctx, input: ListApiKeys) {
  const listing: Listing = { name: "api keys", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  const filters = mine(ctx, api_keys);
  const rows = await ctx.db
    .select()
    .from(api_keys)
    .where(
      and(
        filters,
        given(position, ([, last]) => lt(api_keys.id, last as Id<"key">)),
      ),
    )
    .orderBy(desc(api_keys.id))
    .limit(input.limit + 1);
  const now = ctx.now();
  const page = pageOf(
    ctx,
    listing,
    rows.map((row) => presentApiKey(row, now)),
    input.limit,
    (row) => [row.created_at, row.id],
  );
  return { ...page, ...(await totalOf(ctx, input, api_keys, filters)) };
}

/** One key. */
export const findApiKey = async (ctx: Ctx, { api_key_id }: ApiKeyRef) =>
  presentApiKey(await findMine(ctx, api_keys, api_key_id), ctx.now());
