import { and, asc, eq, isNotNull, isNull } from "drizzle-orm";
import { record } from "../audit/record.ts";
import { openCredentials } from "../channels/credentials.ts";
import type { Channel } from "../channels/find-hooked-channel.ts";
import { markBroken } from "../channels/mark-broken.ts";
import { providers } from "../channels/providers/all.ts";
import type { TemplateListing } from "../channels/providers/template.ts";
import { channels, template_syncs } from "../channels/tables.ts";
import { emptyReport, type ChoreOptions, type ChoreReport } from "../core/chore.ts";
import { systemCtx, type Ctx, type Services, type TxCtx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import { idOf } from "../core/ids.ts";
import { after, epochMs, hours, minutes, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { claim, firstTurn, isFirst, revive, stillLeased, type Claim, type Queue } from "../db/lease.ts";
import { mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import type { SyncTemplates, TemplateSync } from "./contract.ts";
import { storeTemplates } from "./store-templates.ts";

interface Fetched {
  channel: Channel;
  listing: TemplateListing;
  asked_at: Timestamp;
}

/** Asks the providers, before the transaction: that takes the network. */
export async function fetchTemplates(ctx: Ctx, { channel_id }: SyncTemplates): Promise<Fetched[]> {
  const found = await ctx.db
    .select()
    .from(channels)
    .where(
      and(
        mine(ctx, channels),
        isNull(channels.deleted_at),
        given(channel_id, (id) => eq(channels.id, id)),
      ),
    )
    .orderBy(asc(channels.id));
  if (channel_id !== undefined && found.length === 0) throw invalid(noSuch("/channel_id"));
  if (channel_id !== undefined && found[0]!.template_account === null)
    throw invalid({
      pointer: "/channel_id",
      code: "not_allowed",
      detail: "channel_id: the channel has no templates; on WhatsApp, it needs a waba_id.",
    });
  return Promise.all(found.filter(({ template_account }) => template_account !== null).map((channel) => fetchOf(ctx, channel)));
}

async function fetchOf(ctx: Ctx, channel: Channel): Promise<Fetched> {
  const asked_at = ctx.now();
  const listing = await providers[channel.provider].templates!.list(openCredentials(ctx, channel.credentials), ctx);
  return { channel, listing, asked_at };
}

/** Writes down what the providers listed: of each account all, or nothing. */
export async function syncTemplates(ctx: TxCtx, _: SyncTemplates, fetched: Fetched[]): Promise<TemplateSync> {
  for (const one of fetched) await note(ctx, one);
  const results = fetched.map(({ channel: { id: channel_id }, listing }) =>
    listing.ok
      ? { channel_id, ok: true, templates: listing.templates.length, code: null, detail: null, provider_code: null }
      : { channel_id, ok: false, templates: null, ...listing.error },
  );
  await record(ctx, "templates.synced", null, { channels: results.map(({ channel_id, ok, code }) => ({ channel_id, ok, code })) });
  return { object: "template_sync", results, synced_at: ctx.now() };
}

async function note(ctx: TxCtx, { channel: { id, credentials, template_account }, listing, asked_at }: Fetched): Promise<void> {
  if (!listing.ok) {
    if (listing.error.code === "channel_auth_failed") await markBroken(ctx, { channel_id: id, credentials, error: listing.error });
    return;
  }
  // With other credentials the channel may have another account; of that one nothing was said.
  const [same] = await ctx.db
    .select({ id: channels.id })
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.id, id), eq(channels.template_account, template_account!)))
    .for("key share");
  if (same) await storeTemplates(ctx, { account_id: template_account!, templates: listing.templates, asked_at });
}

/** What a dead worker leaves behind is fetched again: to ask twice harms nobody. */
const syncQueue: Queue = {
  table: template_syncs,
  lane: template_syncs.id,
  words: { ready: "ready", waiting: "scheduled", leased: "syncing", abandoned: "ready" },
};

const limits = { lanes: 4, in_flight_per_lane: 1, limit: 4 };
const pause_ms = hours(1);
const retry_delays_ms = [minutes(1), minutes(5), minutes(15)];

/** Fetches every channel's templates whose hour has come, until none is due or the time is spent. */
export async function syncDueTemplates(services: Services, { budget_ms, signal }: ChoreOptions): Promise<ChoreReport> {
  const report = emptyReport();
  const until = epochMs(services.now()) + budget_ms;
  let turn = firstTurn();
  while (!signal?.aborted) {
    await revive(services.db, syncQueue, services.now());
    const claimed = await claim(services.db, syncQueue, { now: services.now(), turn, ...limits });
    turn = claimed.turn;
    report.claimed += claimed.claims.length;
    for (const outcome of await Promise.all(claimed.claims.map((row) => syncOne(services, row)))) report[outcome] += 1;
    if ((claimed.claims.length === 0 && isFirst(turn)) || epochMs(services.now()) >= until) break;
  }
  return report;
}

async function syncOne(services: Services, row: Claim): Promise<"succeeded" | "retried" | "failed"> {
  const ctx = systemCtx(services, row.workspace_id);
  const asked_at = ctx.now();
  try {
    const [channel] = await ctx.db
      .select()
      .from(channels)
      .where(and(mine(ctx, channels), eq(channels.id, idOf("chan", row.uuid)), isNotNull(channels.template_account)));
    const fetched = channel && (await fetchOf(ctx, channel));
    const ok = fetched?.listing.ok ?? true;
    await atomically(ctx, async (tx) => {
      if ((await settle(tx, row, { ok, asked_at })) && fetched) await note(tx, fetched);
    });
    return ok ? "succeeded" : "retried";
  } catch (error) {
    ctx.log.error({ err: error, channel_id: idOf("chan", row.uuid) }, "a channel's templates were not fetched");
    await atomically(ctx, (tx) => settle(tx, row, { ok: false, asked_at }));
    return "failed";
  }
}

/**
 * Whether the lease still holds. The next time is in an hour, or soon where it failed, and after a few failures in an hour
 * again. What was learnt since it was asked for may not be in the list: then the next time is now.
 */
async function settle(tx: TxCtx, row: Claim, { ok, asked_at }: { ok: boolean; asked_at: Timestamp }): Promise<boolean> {
  const [held] = await tx.db
    .select({ wanted_at: template_syncs.wanted_at })
    .from(template_syncs)
    .where(stillLeased(syncQueue, row))
    .for("update");
  if (!held) return false;
  const now = tx.now();
  const is_wanted = held.wanted_at !== null && held.wanted_at >= asked_at;
  const failures = ok ? 0 : is_wanted ? 1 : row.attempts + 1;
  const delay_ms = ok ? (is_wanted ? 0 : pause_ms) : (retry_delays_ms[failures - 1] ?? pause_ms);
  await tx.db
    .update(template_syncs)
    .set({
      status: delay_ms === 0 ? "ready" : "scheduled",
      due_at: after(now, delay_ms),
      attempts: failures,
      wanted_at: null,
      lease_id: null,
      lease_until: null,
      updated_at: now,
    })
    .where(stillLeased(syncQueue, row));
  return true;
}
