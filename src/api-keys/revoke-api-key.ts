import { and, eq } from "drizzle-orm";
import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findMine, mine } from "../db/mine.ts";
import type { ApiKeyRef } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_keys } from "./tables.ts";

/** Ends a key for good: the very next request with it is refused, on every instance. Asked again, it changes nothing. */
export async function revokeApiKey(ctx: TxCtx, { api_key_id }: ApiKeyRef) {
  const key = await findMine(ctx, api_keys, api_key_id, { lock: "update" });
  if (key.revoked_at !== null) return presentApiKey(key, ctx.now());

  const revoked_at = ctx.now();
  await ctx.db
    .update(api_keys)
    .set({ revoked_at })
    .where(and(mine(ctx, api_keys), eq(api_keys.id, key.id)));
  await record(ctx, "api_key.revoked", key.id, { name: key.name, prefix: key.prefix });
  return presentApiKey({ ...key, revoked_at }, revoked_at);
}

/** A key that has leaked can end itself, whatever its scopes. */
export async function revokeCurrentApiKey(ctx: TxCtx) {
  if (ctx.actor.type !== "api_key") throw new ApiError("not_found");
  return revokeApiKey(ctx, { api_key_id: ctx.actor.id });
}
