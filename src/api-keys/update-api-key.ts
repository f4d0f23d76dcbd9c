import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { between, changesOf } from "../core/changes.ts";
import type { TxCtx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { UpdateApiKey } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** Changes a key's name, scopes or limit; its secret stays. It counts from the key's very next request on. */
export async function updateApiKey(ctx: TxCtx, { api_key_id, name, scopes, rate_limit_per_minute }: UpdateApiKey) {
  const key = await findMine(ctx, api_keys, api_key_id, { lock: "update" });
  const changes = changesOf(key, { name, scopes: scopes && [...new Set(scopes)], rate_limit_per_minute });
  if (Object.keys(changes).length === 0) return presentApiKey(key, ctx.now());

  const [updated] = await ctx.db
    .update(api_keys)
    .set(changes)
    .where(and(mine(ctx, api_keys), eq(api_keys.id, api_key_id)))
    .returning();
  await record(ctx, "api_key.updated", api_key_id, between(key, changes));
  return presentApiKey(updated!, ctx.now());
}
