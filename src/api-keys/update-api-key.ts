import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { findMine, mine } from "../db/mine.ts";
import type { UpdateApiKey } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** Changes a key's name, scopes or limit; its secret stays. It counts from the key's very next request on. */
export async function updateApiKey(ctx: TxCtx, { api_key_id, name, scopes, rate_limit_per_minute }: UpdateApiKey) {
  const key = await findMine(ctx, api_keys, api_key_id, { lock: "update" });
  const wanted = { name, scopes: scopes && [...new Set(scopes)], rate_limit_per_minute };
  const changed = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
    (field) => wanted[field] !== undefined && JSON.stringify(wanted[field]) !== JSON.stringify(key[field]),
  );
  if (changed.length === 0) return presentApiKey(key, ctx.now());

  const [updated] = await ctx.db
    .update(api_keys)
    .set(Object.fromEntries(changed.map((field) => [field, wanted[field]])))
    .where(and(mine(ctx, api_keys), eq(api_keys.id, api_key_id)))
    .returning();
  const between = (row: typeof key) => Object.fromEntries(changed.map((field) => [field, row[field]]));
  await record(ctx, "api_key.updated", api_key_id, { changed, from: between(key), to: between(updated!) });
  return presentApiKey(updated!, ctx.now());
}
