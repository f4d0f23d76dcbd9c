import { and, desc, eq, gt, isNull, or } from "drizzle-orm";
import { randomBytes } from "node:crypto";
import { record } from "../audit/record.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { after, seconds } from "../core/time.ts";
import { mine } from "../db/mine.ts";
import { workspaces } from "../workspaces/tables.ts";
import { live_secrets_at_most, type RotateSecret, type WebhookSecret } from "./contract.ts";
import { webhook_secrets } from "./tables.ts";

/** Makes the workspace's first secret. The only other time one is shown is its rotation. */
export async function createSecret(ctx: TxCtx): Promise<string> {
  return insertSecret(ctx, 1);
}

/** The secrets that sign at this moment, without the secrets themselves. */
export async function describeSecret(ctx: Ctx): Promise<WebhookSecret> {
  const [current, ...previous] = await liveSecrets(ctx);
  return {
    object: "webhook_secret",
    hint: current!.hint,
    created_at: current!.created_at,
    previous: previous.map(({ hint, created_at, expires_at }) => ({ hint, created_at, expires_at: expires_at! })),
  };
}

/** Replaces the secret. The old one signs beside the new one for the grace period, so that receivers can follow. */
export async function rotateSecret(ctx: TxCtx, { grace_period_seconds }: RotateSecret) {
  await takeTurn(ctx);
  const live = await liveSecrets(ctx);
  const [current] = live;
  // Without a grace period the new one takes the place of the old: a secret that leaked can always be replaced.
  if (grace_period_seconds > 0 && live.length >= live_secrets_at_most) throw tooManyLive();
  await ctx.db
    .update(webhook_secrets)
    .set({ expires_at: after(ctx.now(), seconds(grace_period_seconds)) })
    .where(and(mine(ctx, webhook_secrets), isNull(webhook_secrets.expires_at)));
  const secret = await insertSecret(ctx, current!.version + 1);
  await record(ctx, "webhook_secret.rotated", null, { grace_period_seconds });
  return { ...(await describeSecret(ctx)), secret };
}

/** Ends the grace period: from now on only the current secret signs. */
export async function expirePreviousSecrets(ctx: TxCtx) {
  await takeTurn(ctx);
  const now = ctx.now();
  const ended = await ctx.db
    .update(webhook_secrets)
    .set({ expires_at: now })
    .where(and(mine(ctx, webhook_secrets), gt(webhook_secrets.expires_at, now)))
    .returning({ hint: webhook_secrets.hint });
  if (ended.length > 0) await record(ctx, "webhook_secret.previous_expired", null, { hints: ended.map(({ hint }) => hint) });
  return describeSecret(ctx);
}

const tooManyLive = (): ApiError =>
  new ApiError("limit_reached", {
    detail: `At most ${live_secrets_at_most} secrets may sign at once. Rotate with a grace period of 0, or end that of the earlier ones first.`,
  });

async function insertSecret(ctx: TxCtx, version: number): Promise<string> {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  await ctx.db.insert(webhook_secrets).values({
    workspace_id: ctx.workspace_id,
    version,
    sealed: ctx.vault.seal("webhook_secrets", secretPlace(ctx.workspace_id), secret),
    hint: secret.slice(-4),
    created_at: ctx.now(),
  });
  return secret;
}

/** The workspace's row is the lock: of two rotations at once the second replaces what the first made. */
async function takeTurn(ctx: TxCtx): Promise<void> {
  await ctx.db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.id, ctx.workspace_id)).for("no key update");
}

/** The newest first. */
const liveSecrets = (ctx: Ctx) =>
  ctx.db
    .select()
    .from(webhook_secrets)
    .where(and(mine(ctx, webhook_secrets), or(isNull(webhook_secrets.expires_at), gt(webhook_secrets.expires_at, ctx.now()))))
    .orderBy(desc(webhook_secrets.version));

/** What signs, opened. Null where one does not open, which is a fault of ours and is told to ourselves. */
export function readSecrets({ vault, log }: Pick<Ctx, "vault" | "log">, workspace_id: Id<"ws">, sealed: string[]): string[] | null {
  try {
    return sealed.map((text) => vault.open("webhook_secrets", secretPlace(workspace_id), text));
  } catch (error) {
    log.error({ err: error, workspace_id, sealed: "secrets" }, "what signs a workspace's webhooks cannot be opened");
    return null;
  }
}

export const secretPlace = (workspace_id: string) => ({ workspace_id, column: "webhook_secrets.sealed" });
