import { adminWrite, read, router } from "../trpc/procedure.ts";
import { TestEndpoint, WebhookTest } from "../webhooks/contract.ts";
import { Event, EventList, EventRef, EventTypeList, ListEvents, ListEventTypes } from "./contract.ts";
import { listEventTypes } from "./list-event-types.ts";
import { findEvent, listEvents } from "./list-events.ts";
import { prepareTest, runTest } from "./test-endpoint.ts";

export const eventsRouter = router({
  list: read({
    route: "GET /v1/events",
    name: "listEvents",
    summary: "List events",
    description:
      "A feed of what happened, the oldest first, for the workspace's `event_retention_days` (30). `next_cursor` is always there: keep it and ask again later. Each event comes once and none is missed, however late its transaction was committed.",
    input: ListEvents,
    output: EventList,
    errors: ["invalid_cursor"],
    run: listEvents,
  }),
  get: read({
    route: "GET /v1/events/{event_id}",
    name: "getEvent",
    summary: "Get an event",
    description: "One event. `payload` is the object that is posted to webhooks.",
    input: EventRef,
    output: Event,
    run: findEvent,
  }),
});

export const eventTypesRouter = router({
  list: read({
    route: "GET /v1/event_types",
    name: "listEventTypes",
    summary: "List event types",
    description: "Every kind of event, with an example of what is posted; those on the roadmap are announced and not sent yet.",
    input: ListEventTypes,
    output: EventTypeList,
    errors: ["invalid_cursor"],
    run: listEventTypes,
  }),
});

/** One of the endpoints' operations; it is here because the examples are. */
export const webhookTestsRouter = router({
  test: adminWrite({
    route: "POST /v1/webhook_endpoints/{endpoint_id}/test",
    name: "testWebhookEndpoint",
    summary: "Test a webhook endpoint",
    description:
      "Posts an example, signed like every delivery, and answers with what came of it: at the latest after ten seconds. It is made once, whatever comes of it; a disabled endpoint can be tested too.",
    input: TestEndpoint,
    output: WebhookTest,
    run: prepareTest,
    finish: runTest,
  }),
});
