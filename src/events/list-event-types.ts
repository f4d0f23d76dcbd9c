import type { Ctx } from "../core/context.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { examplePayload, payloadSchema } from "../webhooks/define-event.ts";
import { eventTypes, roadmap } from "./catalogue.ts";
import type { EventTypeEntry, ListEventTypes } from "./contract.ts";

/** Every kind of event, those that are sent and those that will be. */
export async function listEventTypes(ctx: Ctx, input: ListEventTypes) {
  const listing: Listing = { name: "event types", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  const start = position ? catalogue.findIndex(({ type }) => type === position[1]) + 1 : 0;
  const rows = catalogue.slice(start, start + input.limit + 1);
  const page = pageOf(ctx, listing, rows, input.limit, ({ status, type }) => [status, type]);
  return Promise.resolve({ ...page, ...(input.include_total && { total_count: catalogue.length }) });
}

const catalogue: EventTypeEntry[] = [
  ...Object.values(eventTypes).map((event) => ({
    object: "event_type" as const,
    type: event.type,
    status: event.status,
    description: event.description,
    example_payload: examplePayload(event),
    payload_schema: payloadSchema(event),
  })),
  ...roadmap.map((announced) => ({
    ...announced,
    object: "event_type" as const,
    status: "roadmap" as const,
    example_payload: null,
    payload_schema: null,
  })),
];
