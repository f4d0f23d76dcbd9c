import { hash } from "node:crypto";
import { and, eq, gt, sql } from "drizzle-orm";
import type { Ctx, IdempotentRequest, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { after, hours } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { idempotent_answers } from "./tables.ts";

const lifetime_ms = hours(24);

/**
 * Runs what a key asks for once. The same request again gets the same answer; while the first is running, or
 * with another input, it is refused. What fails is not kept: its effects were rolled back.
 */
export async function once<T>(ctx: TxCtx, input: unknown, run: () => Promise<T>): Promise<T> {
  const { idempotency } = ctx;
  if (!idempotency) return run();
  await takeLock(ctx, idempotency);
  const earlier = await answered<T>(ctx, input);
  if (earlier) return earlier.answer;

  const answer = await run();
  await ctx.db
    .insert(idempotent_answers)
    .values({
      ...recordOf(ctx, idempotency, input),
      answer: ctx.vault.seal("idempotent_answers", placeOf(ctx), JSON.stringify(answer)),
      created_at: ctx.now(),
    })
    // What stands there is older than a day and waits to be swept.
    .onConflictDoUpdate({
      target: [idempotent_answers.workspace_id, idempotent_answers.digest],
      set: { input_digest: sql`excluded.input_digest`, answer: sql`excluded.answer`, created_at: sql`excluded.created_at` },
    });
  return answer;
}

/** The answer that this request has had already. Asked before anything that takes the network. */
export async function answered<T>(ctx: Ctx, input: unknown): Promise<{ answer: T } | undefined> {
  const { idempotency } = ctx;
  if (!idempotency) return undefined;
  const { digest, input_digest } = recordOf(ctx, idempotency, input);
  const [kept] = await ctx.db
    .select()
    .from(idempotent_answers)
    .where(
      and(
        mine(ctx, idempotent_answers),
        eq(idempotent_answers.digest, digest),
        gt(idempotent_answers.created_at, after(ctx.now(), -lifetime_ms)),
      ),
    );
  if (!kept) return undefined;
  if (kept.input_digest !== input_digest) throw new ApiError("idempotency_key_reused");
  idempotency.is_replayed = true;
  return { answer: JSON.parse(ctx.vault.open("idempotent_answers", placeOf(ctx), kept.answer)) as T };
}

/** Held to the end of the transaction. A try, not a wait: who repeats a request that is running is told so at once. */
async function takeLock(ctx: TxCtx, idempotency: IdempotentRequest): Promise<void> {
  const { workspace_id, digest } = recordOf(ctx, idempotency, undefined);
  const [lock] = await query<{ had: boolean }>(
    ctx.db,
    sql`select pg_try_advisory_xact_lock(hashtextextended(${`${workspace_id} ${digest}`}, 0)) as had`,
  );
  if (!lock?.had) throw new ApiError("idempotency_in_progress", { headers: { "Retry-After": "1" } });
}

const recordOf = (ctx: Ctx, { key, method, path }: IdempotentRequest, input: unknown) => ({
  workspace_id: ctx.workspace_id,
  digest: sha256([ctx.actor.type, ctx.actor.id ?? "", method, path, key].join("\n")),
  input_digest: sha256(JSON.stringify(sorted(input)) ?? ""),
});

const placeOf = ({ workspace_id }: Ctx) => ({ workspace_id, column: "idempotent_answers.answer" });
const sha256 = (text: string): string => hash("sha256", text, "base64url");

/** The order of an object's keys says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}
