import { and, eq, inArray } from "drizzle-orm";
import { api_keys } from "../api-keys/tables.ts";
import { channels } from "../channels/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx } from "../core/context.ts";
import type { Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { assertMine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { LedgerEntry, ListLedger } from "./contract.ts";
import { ledger_entries } from "./tables.ts";

/** What was charged, the newest first. */
export async function listLedger(ctx: Ctx, input: ListLedger) {
  const listing: Listing = { name: "ledger", filters: input };
  await assertMine(ctx, channels, "/channel_id", input.channel_id);
  await assertMine(ctx, conversations, "/conversation_id", input.conversation_id);
  await assertMine(ctx, api_keys, "/api_key_id", input.api_key_id);
  const filters = and(
    given(input.metric, (metric) => inArray(ledger_entries.metric, metric)),
    given(input.channel, (channel) => inArray(ledger_entries.channel, channel)),
    given(input.channel_id, (id) => eq(ledger_entries.channel_id, id)),
    given(input.conversation_id, (id) => eq(ledger_entries.conversation_id, id)),
    given(input.api_key_id, (id) => eq(ledger_entries.api_key_id, id)),
    createdWithin(ledger_entries, "led", input),
  );
  return readPage(ctx, ledger_entries, listing, input, filters, present);
}

const present = (row: typeof ledger_entries.$inferSelect): LedgerEntry => ({ ...row, object: "ledger_entry" });
