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
      "A feed of what happened, the oldest first. Events are kept for the workspace's `event_retention_days` (30 unless changed). `next_cursor` is always present: keep it and ask again later, and you get each event exactly once and miss none, even one whose transaction was committed late.",
    input: ListEvents,
    output: EventList,
    errors: ["invalid_cursor"],
    run: listEvents,
  }),
  get: read({
    route: "GET /v1/events/{event_id}",
    name: "getEvent",
    summary: "Get an event",
    description: "One event. `payload` is the body that is posted to webhooks.",
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
    description:
      "Every kind of event, with an example of the body that is posted, and its JSON Schema. Those on the roadmap are announced, but not sent yet.",
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
      "Posts an example, signed like every delivery, waits for the receiver's answer for at most ten seconds, and returns the result. It is tried once only, even if it fails. A disabled endpoint can be tested too.",
    input: TestEndpoint,
    output: WebhookTest,
    run: prepareTest,
    finish: runTest,
  }),
});
