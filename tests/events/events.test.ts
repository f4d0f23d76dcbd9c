import { describe, expect, test } from "vitest";
import { events } from "../../src/webhooks/tables.ts";
import type { Event, EventTypeEntry } from "../../src/events/contract.ts";
import { eventTypes } from "../../src/events/catalogue.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { hours, minutes } from "../../src/core/time.ts";
import { EventName } from "../../src/webhooks/contract.ts";
import { assertMatches, document } from "../support/document.ts";
import { caughtUp } from "../support/feeds.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
  total_count?: number;
}

/** A conversation that was closed and, a minute later, another one. */
async function withEvents() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(204);
  await tenant.endpoint(receiver.url);
  const first = await tenant.hears("one");
  await tenant.post(`/v1/conversations/${first.id}/close`);
  world.advance(minutes(1));
  const between = world.now();
  world.advance(minutes(1));
  const second = await tenant.hears("two");
  await world.deliver();
  await caughtUp(world.services.db);
  return { world, tenant, receiver, between, first, second };
}

const list = async (tenant: Tenant, query = "") => {
  const { status, body } = await tenant.get<Page<Event>>(`/v1/events${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};
const typesOf = ({ data }: Page<Event>) => data.map(({ type }) => type);

describe("events", () => {
  test("are told in the order in which they happened, each with the object that was posted", async () => {
    const { tenant, receiver } = await withEvents();
    const { data } = await list(tenant);
    expect(data.map(({ type }) => type)).toEqual(["new_message", "conversation_end", "new_message"]);
    for (const { id, type, payload, created_at } of data) expect(payload).toMatchObject({ id, type, timestamp: created_at });
    const posted = receiver.received.map(({ body }) => JSON.parse(body) as { id: string });
    expect(posted).toHaveLength(3);
    for (const event of data) {
      // Also its keys are in the order of the text.
      expect(JSON.stringify(event.payload)).toBe(JSON.stringify(posted.find(({ id }) => id === event.id)));
      expect((await tenant.get(`/v1/events/${event.id}`)).body).toEqual(event);
    }
  });

  test("are kept as they were: a field that the contract does not know any more is still there", async () => {
    const { tenant } = await withEvents();
    const id = createNewId()("evt");
    const payload = { ...(await list(tenant)).data[0]!.payload, id, retired_field: { kept: [1, null] } };
    const { workspace_id, db, now } = tenant.ctx;
    await db
      .insert(events)
      .values({ workspace_id, id, type: "new_message", channel: "whatsapp", payload: JSON.stringify(payload), created_at: now() });
    expect((await tenant.get<Event>(`/v1/events/${id}`)).body.payload).toEqual(payload);
  });

  test("are chosen by type, conversation and time, and counted", async () => {
    const { tenant, between, first, second } = await withEvents();
    const expected: [string, string[]][] = [
      ["type=new_message", ["new_message", "new_message"]],
      ["type=new_message&type=conversation_end", ["new_message", "conversation_end", "new_message"]],
      [`conversation_id=${first.id}`, ["new_message", "conversation_end"]],
      [`conversation_id=${second.id}&type=conversation_end`, []],
      [`created_after=${between}`, ["new_message"]],
    ];
    for (const [query, types] of expected) {
      const page = await list(tenant, `?include_total=true&${query}`);
      expect([typesOf(page), page.total_count], query).toEqual([types, types.length]);
    }
  });

  test("after a moment are read from there on, page by page, and none is missed", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const moments: string[] = [];
    for (const text of ["one", "two", "three"]) {
      moments.push(world.now());
      world.advance(hours(1));
      await tenant.hears(text);
      world.advance(1);
    }
    await caughtUp(world.services.db);
    const { data: all } = await list(tenant);
    const first = await list(tenant, `?limit=1&include_total=true&created_after=${moments[1]}`);
    expect([first.data, first.total_count]).toEqual([[all[1]], 2]);
    expect((await list(tenant, `?limit=1&created_after=${moments[1]}&cursor=${first.next_cursor}`)).data).toEqual([all[2]]);
    expect((await list(tenant, `?created_after=${all[1]!.created_at}`)).data).toEqual([all[2]]);
    expect((await list(tenant, "?created_after=1970-01-01T00:00:00Z")).data).toEqual(all);
    expect((await list(tenant, `?created_after=${world.now()}`)).data).toEqual([]);
  });

  test.each([
    ["type=agent.handoff", "/type/0 not_allowed"],
    ["order=desc", "/order unknown_field"],
    ["created_after=now", "/created_after invalid_timestamp"],
    [`conversation_id=${createNewId()("conv")}`, "/conversation_id no_such_resource"],
  ])("are not asked for by %s", async (query, fault) => {
    const tenant = await (await createWorld()).tenant();
    const { status, body } = await tenant.get<Problem>(`/v1/events?${query}`);
    expect([status, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
  });

  test("are found by their own workspace only", async () => {
    const { world, tenant } = await withEvents();
    const [event] = await rowsOf(tenant, events);
    expect(await (await world.tenant()).get(`/v1/events/${event!.id}`)).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test("are for whoever may read", async () => {
    const { tenant } = await withEvents();
    const { token } = await tenant.mint({ scopes: ["read"] });
    expect((await tenant.get("/v1/events", { key: token })).status).toBe(200);
    const { token: writer } = await tenant.mint({ scopes: ["write", "admin"] });
    expect(await tenant.get("/v1/events", { key: writer })).toMatchObject({ status: 403, body: { required_scope: "read" } });
  });
});

describe("the catalogue of event types", () => {
  const read = async () => {
    const tenant = await (await createWorld()).tenant();
    return { tenant, catalogue: (await tenant.get<Page<EventTypeEntry>>("/v1/event_types")).body.data };
  };

  test("names every event that can be subscribed to, and those that are announced", async () => {
    const { catalogue } = await read();
    const typesThat = (status: string) => catalogue.filter((entry) => entry.status === status).map(({ type }) => type);
    const settled = catalogue.filter(({ example_payload }) => example_payload !== null).map(({ type }) => type);
    expect(settled.toSorted()).toEqual([...EventName.options].toSorted());
    expect(settled).toEqual(Object.keys(document.webhooks));
    expect(typesThat("roadmap")).toEqual(expect.arrayContaining(["agent.handoff", "tool_call", "sentiment_result"]));
  });

  test("calls available what happens, and nothing that nothing sends yet", async () => {
    const { tenant, catalogue } = await read();
    const { id } = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${id}/close`);
    const sent = (await rowsOf(tenant, events)).map(({ type }) => type);
    const available = catalogue.filter(({ status }) => status === "available").map(({ type }) => type);
    expect([...new Set<string>(sent)].toSorted()).toEqual(available.toSorted());
  });

  test("shows the example that the document shows, and the event's own contract accepts it", async () => {
    const { catalogue } = await read();
    for (const { type, status, example_payload: example, description } of catalogue) {
      expect(description).toBeTruthy();
      if (example === null) {
        expect(status).toBe("roadmap");
        continue;
      }
      expect(eventTypes[type as EventName].payload.parse(example)).toEqual(example);
      const { requestBody } = document.webhooks[type]!.post as { requestBody: { content: Record<string, { example: unknown }> } };
      expect(example).toEqual(requestBody.content["application/json"]!.example);
    }
  });

  test("holds each body's JSON Schema: what is posted passes it, what may be added later too, and what lacks something does not", async () => {
    const { tenant, catalogue } = await read();
    const { id } = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${id}/close`);
    const posted = (await rowsOf(tenant, events)).map(({ payload }) => JSON.parse(payload) as { type: string; data: object });
    expect(posted).toHaveLength(2);
    for (const { type, example_payload: example, payload_schema: schema } of catalogue) {
      expect([type, schema === null]).toEqual([type, example === null]);
      if (!schema || !example) continue;
      expect(JSON.stringify(schema)).not.toContain("$ref");
      const bodies = [example as { data: object }, ...posted.filter((body) => body.type === type)];
      for (const body of bodies) {
        assertMatches(schema, body, type);
        assertMatches(schema, { ...body, later: 1, data: { ...body.data, later: 1 } }, type);
        expect(() => assertMatches(schema, { ...body, data: {} }, type)).toThrow("must have required property");
      }
    }
  });

  test("what has no shape yet cannot be subscribed to", async () => {
    const { tenant, catalogue } = await read();
    for (const { type, example_payload } of catalogue) {
      const answer = await tenant.post("/v1/webhook_endpoints", { url: "http://127.0.0.1:9/hook", event_types: [type] });
      expect([type, answer.status]).toEqual([type, example_payload ? 201 : 400]);
    }
  });
});
