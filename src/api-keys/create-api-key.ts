import { record } from "../audit/record.ts";
import type { Scope, TxCtx } from "../core/context.ts";
import type { Timestamp } from "../core/time.ts";
import { api_key_digests, api_keys } from "./tables.ts";
import { digestOf, mintToken, prefixOf } from "./token.ts";

interface NewKey {
  name: string;
  scopes: Scope[];
  rate_limit_per_minute?: number;
  expires_at?: Timestamp;
}

/** Mints a key. The token is in the answer and nowhere else. */
export async function createApiKey(ctx: TxCtx, { name, scopes, rate_limit_per_minute, expires_at }: NewKey) {
  const token = mintToken();
  const id = ctx.newId("key");
  await ctx.db.insert(api_keys).values({
    workspace_id: ctx.workspace_id,
    id,
    name,
    prefix: prefixOf(token),
    scopes,
    created_at: ctx.now(),
    expires_at: expires_at ?? null,
    ...(rate_limit_per_minute !== undefined && { rate_limit_per_minute }),
  });
  await ctx.db.insert(api_key_digests).values({ digest: digestOf(token), workspace_id: ctx.workspace_id, api_key_id: id });
  await record(ctx, "api_key.created", id, { name, scopes });
  return { id, token };
}
