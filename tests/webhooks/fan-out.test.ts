import { and, asc, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { toolCall } from "../../src/agent/events.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { minutes } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { mine } from "../../src/db/mine.ts";
import { sentimentResult } from "../../src/sentiment/events.ts";
import { examplePayload } from "../../src/webhooks/define-event.ts";
import { emit } from "../../src/webhooks/emit.ts";
import { events, webhook_deliveries } from "../../src/webhooks/tables.ts";
import { assertMatches, document } from "../support/document.ts";
import { createReceiver, type Received } from "../support/receiver.ts";
import { breakAt, deliveriesOf, verifies } from "../support/webhooks.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

interface Event {
  id: string;
  type: string;
  timestamp: string;
  workspace_id: string;
  data: Record<string, Record<string, unknown>>;
}

const eventOf = ({ body }: Received) => JSON.parse(body) as Event;
const typesOf = ({ received }: { received: Received[] }) =>
  received.map((request) => eventOf(request).type).sort((a, b) => (a < b ? -1 : 1));
const close = (tenant: Tenant, conversation: { id: string }) => tenant.post(`/v1/conversations/${conversation.id}/close`);
const eventsOf = ({ ctx }: Tenant) => ctx.db.select().from(events).where(mine(ctx, events)).orderBy(asc(events.id));

/** A message on a sandbox channel of another kind than the tenant's own. */
async function hearsOn(world: World, { ctx }: Tenant, channel: "instagram" | "twilio_sms") {
  const { id } = await atomically(ctx, (tx) =>
    createChannel(tx, { channel, provider: "sandbox", name: channel, account_id: "sandbox", credentials: { token: "a token" } }),
  );
  const body = { from: "+15550102000", text: `On ${channel}` };
  await world.request(`/hooks/sandbox/${id}`, { method: "POST", body, headers: { "X-Sandbox-Token": "a token" } });
}

describe("an event goes", () => {
  test("to the endpoints that chose its type, once to each", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const [messages, ends, both] = [await createReceiver(204), await createReceiver(204), await createReceiver(204)];
    await tenant.endpoint(messages.url, { event_types: ["new_message"] });
    await tenant.endpoint(ends.url, { event_types: ["conversation_end"] });
    await tenant.endpoint(both.url, { event_types: ["new_message", "conversation_end"] });

    await close(tenant, await tenant.hears("Hello"));
    await world.deliver();

    expect(typesOf(messages)).toEqual(["new_message"]);
    expect(typesOf(ends)).toEqual(["conversation_end"]);
    expect(typesOf(both)).toEqual(["conversation_end", "new_message"]);
  });

  test("to the endpoints that chose its channel, and to those that chose none", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const [instagram, several, every] = [await createReceiver(204), await createReceiver(204), await createReceiver(204)];
    await tenant.endpoint(instagram.url, { channels: ["instagram"] });
    await tenant.endpoint(several.url, { channels: ["whatsapp", "instagram"] });
    await tenant.endpoint(every.url);

    await tenant.hears("On whatsapp");
    await hearsOn(world, tenant, "instagram");
    await hearsOn(world, tenant, "twilio_sms");
    await world.deliver();

    const heardBy = ({ received }: { received: Received[] }) =>
      received.map((request) => eventOf(request).data["message"]!["channel"] as string).sort((a, b) => (a < b ? -1 : 1));
    expect(heardBy(instagram)).toEqual(["instagram"]);
    expect(heardBy(several)).toEqual(["instagram", "whatsapp"]);
    expect(heardBy(every)).toEqual(["instagram", "twilio_sms", "whatsapp"]);
  });

  test("to no endpoint that is disabled, deleted or another workspace's", async () => {
    const world = await createWorld();
    const [tenant, stranger] = [await world.tenant(), await world.tenant()];
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url, { enabled: false });
    await stranger.endpoint(receiver.url);
    const { id } = await tenant.endpoint(receiver.url);
    await tenant.delete(`/v1/webhook_endpoints/${id}`);

    await tenant.hears("Hello");
    await world.deliver();

    expect(receiver.received).toEqual([]);
    expect(await deliveriesOf(tenant)).toEqual([]);
    expect(await deliveriesOf(stranger)).toEqual([]);
    expect(world.woken).toEqual([]);
  });

  test("nowhere when nobody listens, and is kept all the same", async () => {
    const tenant = await (await createWorld()).tenant();
    await tenant.hears("Hello");
    expect(await eventsOf(tenant)).toMatchObject([{ type: "new_message" }]);
  });

  test("only to the endpoints that were there when it happened", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await tenant.hears("Hello");
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    await world.deliver();
    expect(receiver.received).toEqual([]);
  });
});

describe("what is posted", () => {
  test("is, byte for byte, the text that was stored with the event, for every endpoint the same", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const [one, other] = [await createReceiver(204), await createReceiver(204)];
    await tenant.endpoint(one.url);
    await tenant.endpoint(other.url);
    await tenant.hears('مرحبا 👋 <b>"&amp;"</b>\u2028\\u0041 \u{1F468}\u200D\u{1F469}');
    await world.deliver();

    const [event] = await eventsOf(tenant);
    expect([one, other].map(({ received }) => received.map(({ body }) => body))).toEqual([[event!.payload], [event!.payload]]);
    const [to_one, to_other] = [one, other].map(({ received }) => received[0]!.headers["webhook-id"]);
    expect(to_one).not.toBe(to_other);
    expect(Object.keys(eventOf(one.received[0]!))).toEqual(["id", "type", "timestamp", "workspace_id", "data"]);
  });

  test("says which event it is, when it happened and in which workspace", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    const before = world.now();
    const conversation = await tenant.hears("Hello");
    const after = world.now();
    world.advance(minutes(5));
    await world.deliver();

    const event = eventOf(receiver.received[0]!);
    const [delivery] = await deliveriesOf(tenant);
    expect(event).toMatchObject({ id: delivery!.event_id, type: "new_message", workspace_id: tenant.workspace_id });
    expect(event.timestamp >= before && event.timestamp <= after).toBe(true);
    expect(delivery).toMatchObject({ event_type: "new_message", conversation_id: conversation.id });
  });

  test("is a snapshot: what happens before a retry does not change it", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(500, 204);
    await tenant.endpoint(receiver.url, { event_types: ["new_message"] });
    const conversation = await tenant.hears("Hello");
    await world.deliver();
    await close(tenant, conversation);
    world.advance(minutes(1));
    await world.deliver();

    const [first, second] = receiver.received;
    expect(second!.body).toBe(first!.body);
    expect(eventOf(second!).data["conversation"]).toMatchObject({ status: "open", message_count: 1 });
  });

  test("is of the shape that the document promises, for a conversation's events and both directions of a message", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url);
    const conversation = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${conversation.id}/messages`, { content: { type: "text", text: "Hello yourself" } });
    await close(tenant, conversation);
    await world.deliver();

    const told = receiver.received.map(eventOf).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(told.map(({ type, data }) => [type, data["message"]?.["direction"], data["message"]?.["status"]])).toEqual([
      ["new_message", "inbound", "received"],
      ["new_message", "outbound", "queued"],
      ["conversation_end", undefined, undefined],
    ]);
    expect(told[2]!.data).toMatchObject({ conversation_id: conversation.id, channel: "whatsapp", status: "resolved", closed_by: "api" });
    for (const event of told) {
      const { requestBody } = document.webhooks[event.type]!.post as { requestBody: { content: Record<string, { schema: object }> } };
      assertMatches(requestBody.content["application/json"]!.schema, event, `the webhook ${event.type}`);
    }
    expect(new Set(told.map(({ type }) => type))).toEqual(new Set(["new_message", "conversation_end"]));
  });

  // Whoever will emit these does it like this: the agent and the sentiment job.
  test.each([toolCall, sentimentResult])("is of the shape that the document promises, for a $type", async (event) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url, { event_types: [event.type], channels: ["whatsapp"] });
    await tenant.endpoint(receiver.url, { event_types: [event.type], channels: ["instagram"] });
    const conversation = await tenant.hears("Hello");

    const { data } = examplePayload(event) as { data: object };
    const subject = { channel: "whatsapp", conversation_id: conversation.id } as const;
    await atomically(tenant.ctx, (tx) => emit<z.ZodType>(tx, event, { ...data, conversation_id: conversation.id }, subject));
    await world.deliver();

    expect(receiver.received, "of the channel that was chosen, once").toHaveLength(1);
    const told = eventOf(receiver.received[0]!);
    expect(told).toMatchObject({ type: event.type, data: { ...data, conversation_id: conversation.id } });
    const { requestBody } = document.webhooks[event.type]!.post as { requestBody: { content: Record<string, { schema: object }> } };
    assertMatches(requestBody.content["application/json"]!.schema, told, `the webhook ${event.type}`);
    expect(verifies(tenant.webhook_secret, receiver.received[0]!)).toBe(true);
  });
});

describe("the outbox", () => {
  test.for<["evt" | "dlv"]>([["evt"], ["dlv"]])("a change whose %s cannot be written does not happen", async ([kind]) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await tenant.endpoint("http://127.0.0.1:9/hook");
    const conversation = await tenant.hears("Hello");
    const [events_before, deliveries_before] = [await eventsOf(tenant), await deliveriesOf(tenant)];
    world.woken.length = 0;

    const mend = breakAt(world, kind);
    const answer = await tenant.post(`/v1/conversations/${conversation.id}/messages`, { content: { type: "text", text: "Lost?" } });
    expect(answer).toMatchObject({ status: 500, body: { code: "internal_error" } });
    mend();

    const { body: messages } = await tenant.get<{ data: unknown[] }>(`/v1/conversations/${conversation.id}/messages`);
    expect(messages.data).toHaveLength(1);
    expect(await eventsOf(tenant)).toEqual(events_before);
    expect(await deliveriesOf(tenant)).toEqual(deliveries_before);
    expect(world.woken).toEqual([]);
  });

  test("a change that wrote deliveries wakes the dispatcher once it is committed", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await tenant.endpoint("http://127.0.0.1:9/hook");
    await tenant.endpoint("http://127.0.0.1:9/hook");
    const seen: unknown[] = [];
    world.services.wake = (work) => void seen.push(work);
    await tenant.hears("Hello");
    expect(seen).toEqual(["webhooks"]);
  });

  test("event and deliveries are of the same moment and ready at once", async () => {
    const tenant = await (await createWorld()).tenant();
    await tenant.endpoint("http://127.0.0.1:9/hook");
    await tenant.hears("Hello");
    const [event] = await eventsOf(tenant);
    const [delivery] = await tenant.ctx.db
      .select()
      .from(webhook_deliveries)
      .where(and(mine(tenant.ctx, webhook_deliveries), eq(webhook_deliveries.event_id, event!.id)));
    expect(delivery).toMatchObject({ status: "ready", attempts: 0, created_at: event!.created_at, due_at: event!.created_at });
  });
});
