import { and, eq } from "drizzle-orm";
import type { Ctx } from "../core/context.ts";
import type { Poster } from "../core/poster.ts";
import { atomically } from "../db/atomically.ts";
import { mine } from "../db/mine.ts";
import { createEndpoint } from "../webhooks/create-endpoint.ts";
import { webhook_endpoints } from "../webhooks/tables.ts";

const endpoints = {
  CRM: "https://crm.example.invalid/hooks/wassla",
  "Old help desk": "https://old-desk.example.invalid/webhook",
};

/** One that works but for a bad hour, and one that asks never to be called again. */
export async function addEndpoints(ctx: Ctx): Promise<void> {
  for (const [name, url] of Object.entries(endpoints)) {
    const endpoint: Parameters<typeof createEndpoint>[1] = {
      name,
      url,
      event_types: ["new_message", "conversation_end"],
      enabled: true,
      delivery_id_header: true,
    };
    await atomically(ctx, (tx) => createEndpoint(tx, endpoint, url));
  }
}

/** Every seventh request to the CRM fails once; the old help desk is gone at its fifth. Each counts for itself: their order is nobody's promise. */
export function createReceivers(): Poster {
  const asked = new Map<string, number>();
  return {
    roomAt: () => 1,
    post: ({ url }) => {
      const nth = (asked.get(url) ?? 0) + 1;
      asked.set(url, nth);
      if (url === endpoints["Old help desk"]) return Promise.resolve(nth >= 5 ? answer(410, "Gone", 31) : answer(200, "ok", 44));
      return Promise.resolve(nth % 7 === 0 ? answer(503, "Service Unavailable", 87) : answer(204, "", 52));
    },
    close: () => Promise.resolve(),
  };
}

const answer = (status_code: number, response_body: string, duration_ms: number) => ({
  status_code,
  error: status_code < 300 ? null : ("non_2xx" as const),
  duration_ms,
  response_headers: { "content-type": "text/plain" },
  response_body,
  remote_address: "203.0.113.10",
});

/** The demo's receivers are not there: they are put to rest, so that nothing is posted to them from now on. */
export async function retireEndpoints(ctx: Ctx): Promise<void> {
  await ctx.db
    .update(webhook_endpoints)
    .set({ enabled: false })
    .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.enabled, true)));
}
