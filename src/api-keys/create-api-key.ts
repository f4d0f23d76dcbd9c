import { record } from "../audit/record.ts";
import type { TxCtx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { epochMs, timestamp } from "../core/time.ts";
import { authorOf } from "../team/author.ts";
import type { CreateApiKey } from "./contract.ts";
import { presentApiKey } from "./present.ts";
import { api_key_digests, api_keys } from "./tables.ts";
import { digestOf, mintToken, prefixOf } from "./token.ts";

/** Mints a key. The token is in the answer and nowhere else. */
export async function createApiKey(ctx: TxCtx, { name, scopes, rate_limit_per_minute, expires_at }: CreateApiKey) {
  const now = ctx.now();
  const token = mintToken();
  const [key] = await ctx.db
    .insert(api_keys)
    .values({
      workspace_id: ctx.workspace_id,
      id: ctx.newId("key"),
      name,
      prefix: prefixOf(token),
      scopes: [...new Set(scopes)],
      created_at: now,
      created_by: authorOf(ctx.actor),
      // The database would round it up.
      expires_at: expires_at === undefined ? null : timestamp(epochMs(expires_at)),
      ...(rate_limit_per_minute !== undefined && { rate_limit_per_minute }),
    })
    .returning();
  const made = presentApiKey(key!, now);
  await ctx.db.insert(api_key_digests).values({ digest: digestOf(token), workspace_id: ctx.workspace_id, api_key_id: made.id });
  const { prefix, rate_limit_per_minute: limit } = made;
  await record(ctx, "api_key.created", made.id, {
    name,
    prefix,
    scopes: made.scopes,
    rate_limit_per_minute: limit,
    expires_at: made.expires_at,
  });
  return { ...made, token };
}

/** The same, for a key that somebody asks for: it must be of some use. */
export async function createUsableApiKey(ctx: TxCtx, input: CreateApiKey) {
  const made = await createApiKey(ctx, input);
  if (made.status !== "expired") return made;
  throw invalid({ pointer: "/expires_at", code: "too_small", detail: "expires_at must be in the future." });
}
