import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { findMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import type { ApiKeyRef, ListApiKeys } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** The workspace's keys, the newest first; the revoked ones too, for they stand in the audit log. */
export async function listApiKeys(ctx: Ctx, input: ListApiKeys) {
  const listing: Listing = { name: "api keys", filters: input };
  const now = ctx.now();
  return readPage(ctx, api_keys, listing, input, undefined, (row) => presentApiKey(row, now));
}

/** One key. */
export const findApiKey = async (ctx: Ctx, { api_key_id }: ApiKeyRef) =>
  presentApiKey(await findMine(ctx, api_keys, api_key_id), ctx.now());
