import { and, eq, sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { sendErrorCodes } from "../../src/channels/contract.ts";
import { channels, provider_events } from "../../src/channels/tables.ts";
import type { Message } from "../../src/messages/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId, type Id } from "../../src/core/ids.ts";
import { after, hours, seconds } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { query } from "../../src/db/query.ts";
import { breakable } from "../support/breakable-db.ts";
import { callbackOf, createWhatsApp, freshNumber, reporting } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { accepting, createGraphTwin, refusing } from "../support/graph-twin.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { body, listed, withTemplates } from "../support/templates-twin.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

/** A message that the provider, a twin on this machine, has refused. */
async function withFailure({ db, code = 131026 }: { db?: World["services"]["db"]; code?: number } = {}) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url }, ...(db && { db }) });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant, twin.account_id);
  const { id, contact_id } = await whatsapp.hears("Where is my order?");
  const { body: queued } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Here." } });
  twin.answer = refusing(400, code);
  await world.sendQueued();
  twin.answer = undefined;
  const message = await read(tenant, queued);
  expect(message.status).toBe("failed");
  return { twin, world, tenant, whatsapp, conversation_id: id, contact_id, message };
}

const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;
const retry = <T = Message>(tenant: Tenant, { id }: { id: string }) => tenant.post<T>(`/v1/messages/${id}/retry`);
const put = ({ ctx }: Tenant, { id }: { id: string }, state: Partial<typeof messages.$inferInsert>) =>
  ctx.db
    .update(messages)
    .set(state)
    .where(and(mine(ctx, messages), eq(messages.id, id as Id<"msg">)));

describe("a failed message", () => {
  test("is queued again as if it had never been tried, and sent", async () => {
    const { twin, world, tenant, message } = await withFailure();
    expect(message.error).toMatchObject({ code: "recipient_unreachable" });
    const before = await countsOf(tenant);
    world.woken.length = 0;
    const { status, body } = await retry(tenant, message);
    expect(status).toBe(202);
    expect(body).toEqual({ ...message, status: "queued", error: null, failed_at: null, updated_at: body.updated_at });
    expect(await read(tenant, message)).toEqual(body);
    expect(world.woken).toEqual(["messages"]);
    expect((await rowsOf(tenant, messages)).find(({ id }) => id === message.id)).toMatchObject({ attempts: 0, lease_id: null });
    // It was announced when it was stored.
    expect(await countsOf(tenant)).toEqual(before);

    twin.answer = accepting("wamid.second");
    await world.sendQueued();
    expect(twin.asked).toHaveLength(2);
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.second", error: null, failed_at: null });
  });

  test("that failed after it was sent is sent under a new id of the provider's", async () => {
    const { twin, world, tenant, whatsapp, conversation_id } = await withFailure();
    const { body } = await tenant.post<Message>(`/v1/conversations/${conversation_id}/messages`, {
      content: { type: "text", text: "Again" },
    });
    twin.answer = accepting("wamid.lost");
    await world.sendQueued();
    await whatsapp.reports("wamid.lost", "failed", { errors: [{ code: 131026, title: "No." }] });
    expect(await read(tenant, body)).toMatchObject({ status: "failed", external_id: "wamid.lost" });
    expect((await retry(tenant, body)).body).toMatchObject({ status: "queued", external_id: null, sent_at: null, failed_at: null });
    twin.answer = accepting("wamid.found");
    await world.sendQueued();
    await whatsapp.reports("wamid.found", "delivered");
    expect(await read(tenant, body)).toMatchObject({ status: "delivered", external_id: "wamid.found", error: null });
  });

  test("may fail again, and be sent again", async () => {
    const { twin, world, tenant, message } = await withFailure();
    for (let n = 0; n < 3; n++) {
      expect((await retry(tenant, message)).status).toBe(202);
      twin.answer = refusing(400, 131026);
      await world.sendQueued();
      expect((await read(tenant, message)).status).toBe("failed");
    }
    expect(twin.asked).toHaveLength(4);
  });

  test.skipIf(!onPostgres())("is queued once, however many ask at once", async () => {
    const { twin, world, tenant, conversation_id, message } = await withFailure();
    const { db } = tenant.ctx;
    // Held until all of them wait, so that none comes when another is done.
    const asked = await db.transaction(async (tx) => {
      await tx.select().from(conversations).where(eq(conversations.id, conversation_id)).for("update");
      const all = Array.from({ length: 6 }, () => retry<Problem>(tenant, message));
      await vi.waitFor(
        async () => {
          const [row] = await query<{ waiting: number }>(
            db,
            sql`select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          );
          expect(row!.waiting).toBe(6);
        },
        { timeout: 10_000, interval: 20 },
      );
      return { all };
    });
    const answers = await Promise.all(asked.all);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 202);
    expect(others.map(({ status, body }) => [status, body.code])).toEqual(Array(5).fill([409, "message_not_retryable"]));
    await Promise.all([world.sendQueued(), world.sendQueued()]);
    expect(twin.asked).toHaveLength(2);
  });

  const final = ["content_type_unsupported", "provider_invalid_request", "template_params_invalid"];

  test.each(sendErrorCodes)("with the error %s: retried unless its content was the fault", async (code) => {
    const { tenant, message } = await withFailure();
    await put(tenant, message, { error: { code, detail: "No.", provider_code: null } });
    const { status, body } = await retry<Problem>(tenant, message);
    if (!final.includes(code)) return expect(status).toBe(202);
    expect([status, body.code, body.detail]).toMatchObject([409, "message_not_retryable", expect.stringContaining(code)]);
  });
});

describe("what is told late of the attempt that failed", () => {
  const failure = { errors: [{ code: 131026, title: "No." }] };

  /** A message whose first attempt was taken and failed later, and which is queued again. */
  async function withRetry() {
    const place = await withFailure();
    const { twin, world, tenant, whatsapp, conversation_id } = place;
    const { body } = await tenant.post<Message>(`/v1/conversations/${conversation_id}/messages`, {
      content: { type: "text", text: "Again" },
    });
    twin.answer = accepting("wamid.first");
    await world.sendQueued();
    await whatsapp.reports("wamid.first", "failed", { message_id: body.id, ...failure });
    expect((await retry(tenant, body)).status).toBe(202);
    const late = (status: string, given: object = {}) =>
      whatsapp.reports("wamid.first", status, { message_id: body.id, at: after(world.now(), -seconds(5)), ...given });
    return { ...place, message: body, late };
  }

  const late_news: [string, object][] = [
    ["sent", {}],
    ["failed", failure],
  ];

  test.each(late_news)("%s: it is recorded, and the message is sent all the same", async (status, given) => {
    const { twin, world, tenant, message, late } = await withRetry();
    const before = await read(tenant, message);
    await late(status, given);
    expect(await read(tenant, message)).toEqual(before);
    expect((await rowsOf(tenant, provider_events)).filter(({ outcome }) => outcome === "ignored")).toMatchObject([
      { kind: "status", external_id: "wamid.first", detail: "of an attempt before this one" },
    ]);
    const asked = twin.asked.length;
    twin.answer = accepting("wamid.second");
    await world.sendQueued();
    expect(twin.asked).toHaveLength(asked + 1);
    await late(status, { ...given, at: after(world.now(), -seconds(3)) });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.second", error: null, failed_at: null });
  });

  test.each(late_news)("%s, while it is on the wire again: what the provider answers stands", async (status, given) => {
    const { twin, world, tenant, whatsapp, message, late } = await withRetry();
    const asked = twin.asked.length;
    twin.answer = async (response) => {
      await late(status, given);
      accepting("wamid.second")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.second", error: null, failed_at: null });
    expect((await retry<Problem>(tenant, message)).body.code).toBe("message_not_retryable");
    await whatsapp.reports("wamid.second", "read", { message_id: message.id });
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "read", external_id: "wamid.second" });
    expect(twin.asked).toHaveLength(asked + 1);
    expect(world.logged).toEqual([]);
  });

  test.each(["delivered", "read"])("%s: it has arrived, and is not sent again", async (status) => {
    const { twin, world, tenant, message, late } = await withRetry();
    const asked = twin.asked.length;
    await late(status);
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status, external_id: "wamid.first", error: null, failed_at: null });
    await late("failed", failure);
    expect(await read(tenant, message)).toMatchObject({ status, external_id: "wamid.first", error: null });
    expect(twin.asked).toHaveLength(asked);
  });

  test("delivered, while it is on the wire again: it has arrived, whatever becomes of the other", async () => {
    const { twin, world, tenant, whatsapp, message, late } = await withRetry();
    twin.answer = async (response) => {
      await late("delivered");
      accepting("wamid.second")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.first", error: null });
    await whatsapp.reports("wamid.second", "failed", { message_id: message.id, ...failure });
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", error: null, failed_at: null });
    await whatsapp.reports("wamid.second", "read", { message_id: message.id });
    expect(await read(tenant, message)).toMatchObject({ status: "read" });
  });

  test("failed, though its answer had been that nothing was taken: the message is sent all the same", async () => {
    const { twin, world, tenant, whatsapp, message } = await withFailure();
    expect((await retry(tenant, message)).status).toBe(202);
    await whatsapp.reports("wamid.never.told", "failed", { message_id: message.id, ...failure });
    await whatsapp.reports("wamid.never.told", "sent", { message_id: message.id });
    expect(await read(tenant, message)).toMatchObject({ status: "queued", external_id: null, error: null });
    twin.answer = accepting("wamid.second");
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.second" });
  });

  test("failed, of an id that was never told, while it is on the wire again: what the provider answers stands", async () => {
    const { twin, world, tenant, whatsapp, message } = await withFailure();
    expect((await retry(tenant, message)).status).toBe(202);
    twin.answer = async (response) => {
      await whatsapp.reports("wamid.second", "delivered");
      await whatsapp.reports("wamid.never.told", "failed", { message_id: message.id, ...failure });
      accepting("wamid.second")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.second", error: null, failed_at: null });
    await whatsapp.reports("wamid.never.told", "sent", { message_id: message.id });
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.second" });
  });

  test("where it cannot be written, is told again and changes nothing", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const { world, tenant, whatsapp, message } = await withFailure({ db });
    expect((await retry(tenant, message)).status).toBe(202);
    const told = callbackOf(reporting(world, whatsapp.account_id, "wamid.never.told", "failed", { message_id: message.id, ...failure }));
    const before = await countsOf(tenant);
    breakNext("update", messages);
    expect((await whatsapp.post(told)).status).toBe(503);
    expect(await countsOf(tenant)).toEqual(before);
    expect((await whatsapp.post(told)).status).toBe(200);
    expect(await read(tenant, message)).toMatchObject({ status: "queued", external_id: null });
  });
});

describe("is refused and changes nothing", () => {
  async function refused(tenant: Tenant, message: { id: string }) {
    const look = async () => (await rowsOf(tenant, messages)).find(({ id }) => id === message.id);
    const [row, counts] = [await look(), await countsOf(tenant)];
    const { status, body } = await retry<Problem>(tenant, message);
    expect([await look(), await countsOf(tenant)]).toEqual([row, counts]);
    return { status, code: body.code, detail: body.detail };
  }

  test.each(["queued", "scheduled", "sending", "sent", "delivered", "read"] as const)("a message that is %s", async (status) => {
    const { tenant, message } = await withFailure();
    await put(tenant, message, { status, error: null, failed_at: null });
    const shown = status === "scheduled" ? "queued" : status;
    expect(await refused(tenant, message)).toEqual({
      status: 409,
      code: "message_not_retryable",
      detail: `The message is ${shown}; only one that failed can be sent again.`,
    });
  });

  test("a message of which nobody knows whether it was sent, and it says why", async () => {
    const { tenant, message } = await withFailure();
    await put(tenant, message, { status: "unknown", error: { code: "provider_error", detail: "No answer.", provider_code: null } });
    const { status, code, detail } = await refused(tenant, message);
    expect([status, code]).toEqual([409, "message_not_retryable"]);
    expect(detail).toContain("could send it twice");
  });

  test("a message that the contact wrote", async () => {
    const { tenant } = await withFailure();
    const inbound = (await rowsOf(tenant, messages)).find(({ direction }) => direction === "inbound")!;
    expect(await refused(tenant, inbound)).toMatchObject({ status: 409, code: "message_not_retryable" });
  });

  test("in a conversation that is closed", async () => {
    const { tenant, conversation_id, message } = await withFailure();
    await tenant.post(`/v1/conversations/${conversation_id}/close`);
    expect(await refused(tenant, message)).toMatchObject({ status: 409, code: "conversation_closed" });
  });

  test("outside the window; inside the next one it is taken", async () => {
    const { world, tenant, message, whatsapp } = await withFailure();
    world.advance(hours(25));
    expect(await refused(tenant, message)).toMatchObject({ status: 422, code: "messaging_window_closed" });
    await whatsapp.hears("Anybody there?", { wa_id: await numberOf(tenant, message) });
    expect((await retry(tenant, message)).status).toBe(202);
  });

  test("on a channel that is disconnected", async () => {
    const { tenant, message, whatsapp } = await withFailure();
    const { ctx } = tenant;
    const ours = and(mine(ctx, channels), eq(channels.id, whatsapp.channel_id));
    await ctx.db.update(channels).set({ status: "disconnected" }).where(ours);
    expect(await refused(tenant, message)).toMatchObject({ status: 409, code: "channel_disconnected" });
  });

  test("of a template that is no longer there, not approved, or wants other values; as it was it is taken", async () => {
    const shipped = listed("order_shipped", "en", [body("Order {{1}} is on its way.")]);
    const { world, tenant, channel, twin, listing, sync } = await withTemplates([shipped]);
    await sync();
    const content = { type: "template", name: "order_shipped", language: "en", variables: { "1": "A-1007" } };
    const to = { kind: "phone", value: `+${freshNumber()}` };
    const { body: message } = await tenant.post<Message>("/v1/messages", { channel_id: channel.id, to, content });
    const answer = twin.answer;
    twin.answer = refusing(400, 131026);
    await world.sendQueued();
    twin.answer = answer;
    const become = async (...templates: object[]) => {
      listing.pages = [templates];
      await sync();
    };

    await become();
    expect(await refused(tenant, message)).toMatchObject({ status: 422, code: "template_not_found" });
    await become({ ...shipped, status: "PAUSED" });
    expect(await refused(tenant, message)).toMatchObject({ status: 422, code: "template_not_approved" });
    await become(listed("order_shipped", "en", [body("Order {{1}} is on its way, {{2}}.")]));
    expect(await refused(tenant, message)).toMatchObject({ status: 422, code: "template_params_invalid" });
    await become(shipped);
    expect((await retry(tenant, message)).status).toBe(202);
  });

  test.each([
    ["is malformed", "msg_nothing"],
    ["names nothing", createNewId()("msg")],
    ["is a conversation's", createNewId()("conv")],
  ])("where the id %s", async (_, id) => {
    const tenant = await (await createWorld()).tenant();
    expect(await retry(tenant, { id })).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test("of another workspace", async () => {
    const { world, tenant, message } = await withFailure();
    expect((await retry(await world.tenant(), message)).status).toBe(404);
    expect((await read(tenant, message)).status).toBe("failed");
  });

  test("where it cannot be written", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const { world, tenant, message } = await withFailure({ db });
    world.woken.length = 0;
    breakNext("update", messages);
    expect(await refused(tenant, message)).toMatchObject({ status: 500, code: "internal_error" });
    expect(world.woken).toEqual([]);
  });
});

const numberOf = async (tenant: Tenant, { contact_id }: Message) => {
  const { body } = await tenant.get<{ identities: { value: string }[] }>(`/v1/contacts/${contact_id}`);
  return body.identities[0]!.value.slice(1);
};
