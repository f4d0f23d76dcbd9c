import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import type { Message } from "../../src/messages/contract.ts";
import { judgeReport } from "../../src/messages/judge-report.ts";
import type { MessageRow } from "../../src/messages/present.ts";
import { messages } from "../../src/messages/tables.ts";
import { after, seconds, type Timestamp } from "../../src/core/time.ts";
import { createWhatsApp, freshNumber } from "../support/channels.ts";
import { onPostgres } from "../support/database.ts";
import { accepting, createGraphTwin } from "../support/graph-twin.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withTwin() {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant, twin.account_id);
  const { id, contact_id } = await whatsapp.hears("Where is my order?", { wa_id: freshNumber() });
  return { twin, world, tenant, whatsapp, conversation_id: id, contact_id };
}

const queue = async (tenant: Tenant, conversation_id: string, text = "On its way.") =>
  (await tenant.post<Message>(`/v1/conversations/${conversation_id}/messages`, { content: { type: "text", text } })).body;
const read = async (tenant: Tenant, { id }: { id: string }) => (await tenant.get<Message>(`/v1/messages/${id}`)).body;

/** A message that the provider has taken, under this id. */
async function withSent(external_id = "wamid.ours") {
  const place = await withTwin();
  place.twin.answer = accepting(external_id);
  const message = await queue(place.tenant, place.conversation_id);
  await place.world.sendQueued();
  return { ...place, message };
}

/** What was recorded of the reports on a message. */
const noted = async (tenant: Tenant, id: string) =>
  (await rowsOf(tenant, provider_events)).find(({ kind, external_id }) => kind === "status" && external_id === id);

/** The provider counts whole seconds. */
const wholeSecond = (at: Timestamp): Timestamp => `${at.slice(0, 19)}.000Z`;
const stateOf = ({ status, error, sent_at, delivered_at, read_at, failed_at }: Message) => ({
  status,
  error,
  sent_at,
  delivered_at,
  read_at,
  failed_at,
});

const permutations = <T>(items: T[]): T[][] =>
  items.length < 2 ? [items] : items.flatMap((item, n) => permutations(items.toSpliced(n, 1)).map((rest) => [item, ...rest]));

describe("reports", () => {
  test(
    "of sent, delivered and read leave the same message in whatever order they come, before the send's answer or after it",
    { timeout: 60_000 },
    async () => {
      const { twin, world, tenant, whatsapp, conversation_id } = await withTwin();
      const now = world.now();
      const times = { sent: after(now, -seconds(9)), delivered: after(now, -seconds(6)), read: after(now, -seconds(3)) };
      const orders = permutations(["answer", "sent", "delivered", "read"] as const).map((order) => order.join(" "));
      const tell = async (order: string, part: string) => {
        for (const [status] of part.matchAll(/sent|delivered|read/g)) {
          await whatsapp.reports(`wamid.${order}`, status, { at: times[status as keyof typeof times] });
        }
      };
      twin.answer = async (response, { body }) => {
        const order = (body["text"] as { body: string }).body;
        await tell(order, order.split("answer")[0]!);
        accepting(`wamid.${order}`)(response);
      };
      for (const order of orders) await queue(tenant, conversation_id, order);
      await world.sendQueued();
      for (const order of orders) await tell(order, order.split("answer")[1]!);

      const { body } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${conversation_id}/messages?limit=100&order=asc`);
      const state = {
        status: "read",
        error: null,
        sent_at: wholeSecond(times.sent),
        delivered_at: wholeSecond(times.delivered),
        read_at: wholeSecond(times.read),
        failed_at: null,
      };
      expect(body.data.slice(1).map((message) => ({ id: message.external_id, ...stateOf(message) }))).toEqual(
        orders.map((order) => ({ id: `wamid.${order}`, ...state })),
      );
    },
  );

  test("of every kind, and however often, leave the same message in whatever order they come", () => {
    const at = "2026-11-22T10:15:12.000Z";
    const error = { code: "messaging_window_closed" as const, detail: "Late.", provider_code: "131047" };
    const report = fc.record({ status: fc.constantFrom("sent", "delivered", "read", "failed"), later: fc.integer({ min: 0, max: 100 }) });
    const none = { error: null, sent_at: null, delivered_at: null, read_at: null, failed_at: null, lease_id: null, lease_until: null };
    fc.assert(
      fc.property(
        fc.constantFrom("sending", "unknown", "sent"),
        fc
          .array(report, { maxLength: 8 })
          .chain((told) => fc.tuple(fc.constant(told), fc.shuffledSubarray(told, { minLength: told.length }))),
        (status, orders) => {
          const [one, other] = orders.map((told) =>
            told.reduce<MessageRow>(
              (row, { status: state, later }) => ({
                ...row,
                ...judgeReport(row, { status: state, occurred_at: after(at, seconds(later)), error: state === "failed" ? error : null }),
              }),
              { ...none, status } as MessageRow,
            ),
          );
          expect(one).toEqual(other);
        },
      ),
    );
  });

  test("move a message forward and never back", async () => {
    const { tenant, whatsapp, message } = await withSent();
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.ours" });
    const seen: string[] = [];
    for (const status of ["delivered", "sent", "read", "delivered", "played"]) {
      await whatsapp.reports("wamid.ours", status);
      seen.push((await read(tenant, message)).status);
    }
    expect(seen).toEqual(["delivered", "delivered", "read", "read", "read"]);
  });

  test("told twice are one; told of another moment keep the first", async () => {
    const { world, tenant, whatsapp, message } = await withSent();
    const at = after(world.now(), -seconds(20));
    await whatsapp.reports("wamid.ours", "delivered", { at });
    const once = await read(tenant, message);
    const counts = await countsOf(tenant);
    await whatsapp.reports("wamid.ours", "delivered", { at });
    expect(await read(tenant, message)).toEqual(once);
    expect(await countsOf(tenant)).toEqual(counts);

    await whatsapp.reports("wamid.ours", "delivered", { at: after(at, seconds(5)) });
    expect((await read(tenant, message)).delivered_at).toBe(wholeSecond(at));
  });

  test("make no event, and no message of their own", async () => {
    const { tenant, whatsapp } = await withSent();
    const { provider_events: _, ...before } = await countsOf(tenant);
    for (const status of ["sent", "delivered", "read", "failed"]) await whatsapp.reports("wamid.ours", status);
    expect(await countsOf(tenant)).toMatchObject(before);
  });

  test.skipIf(!onPostgres())("that come at one moment are all applied", async () => {
    const { tenant, whatsapp, message } = await withSent();
    await Promise.all(["sent", "delivered", "read", "delivered", "sent"].map((status) => whatsapp.reports("wamid.ours", status)));
    const { status, delivered_at, read_at } = await read(tenant, message);
    expect(status).toBe("read");
    expect([delivered_at, read_at]).not.toContain(null);
  });
});

describe("a failure", () => {
  const too_late = [{ code: 131047, title: "Re-engagement message", error_data: { details: "More than 24 hours have passed." } }];

  test("that is reported after the send was taken applies, in our words and Meta's", async () => {
    const { world, tenant, whatsapp, message } = await withSent();
    const at = world.now();
    await whatsapp.reports("wamid.ours", "failed", { at, errors: too_late });
    expect(await read(tenant, message)).toMatchObject({
      status: "failed",
      error: {
        code: "messaging_window_closed",
        detail: "Re-engagement message: More than 24 hours have passed.",
        provider_code: "131047",
      },
      failed_at: wholeSecond(at),
      delivered_at: null,
    });
  });

  test.each([
    [131026, "recipient_unreachable"],
    [131050, "recipient_opted_out"],
    [130429, "provider_rate_limited"],
    [99, "provider_error"],
  ])("of code %i reads %s, and is not tried again", async (code, ours) => {
    const { twin, world, tenant, whatsapp, message } = await withSent();
    await whatsapp.reports("wamid.ours", "failed", { errors: [{ code, title: "No." }] });
    world.advance(seconds(3600));
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: ours, provider_code: String(code) } });
    expect(twin.asked).toHaveLength(1);
  });

  test("without a reason is a failure all the same", async () => {
    const { tenant, whatsapp, message } = await withSent();
    await whatsapp.reports("wamid.ours", "failed");
    expect(await read(tenant, message)).toMatchObject({
      status: "failed",
      error: { code: "provider_error", detail: "No reason was given" },
    });
  });

  test.each(["delivered", "read"])("after the message was %s is of no account, and before it is forgotten", async (status) => {
    for (const order of [
      [status, "failed"],
      ["failed", status],
    ]) {
      const { tenant, whatsapp, message } = await withSent();
      for (const told of order) await whatsapp.reports("wamid.ours", told, { errors: too_late });
      expect(await read(tenant, message)).toMatchObject({ status, error: null, failed_at: null });
    }
  });

  test("is not undone by a belated sent", async () => {
    const { tenant, whatsapp, message } = await withSent();
    await whatsapp.reports("wamid.ours", "failed", { errors: too_late });
    await whatsapp.reports("wamid.ours", "sent");
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "messaging_window_closed" } });
  });
});

describe("before the send has answered", () => {
  test("a report is held, and applied when the send settles", async () => {
    const { twin, world, tenant, whatsapp, conversation_id } = await withTwin();
    const message = await queue(tenant, conversation_id);
    twin.answer = async (response) => {
      await whatsapp.reports("wamid.early", "delivered");
      expect(await read(tenant, message)).toMatchObject({ status: "sending", external_id: null });
      expect(await noted(tenant, "wamid.early")).toMatchObject({
        kind: "status",
        external_id: "wamid.early",
        outcome: "held",
        held: { status: "delivered", error: null },
      });
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "delivered", external_id: "wamid.early", error: null });
    expect((await rowsOf(tenant, provider_events)).map(({ outcome }) => outcome)).not.toContain("held");
  });

  test("a report that carries our own id is applied at once, and the answer changes nothing", async () => {
    const { twin, world, tenant, whatsapp, conversation_id } = await withTwin();
    const message = await queue(tenant, conversation_id);
    let early: Message | undefined;
    twin.answer = async (response) => {
      await whatsapp.reports("wamid.early", "sent");
      await whatsapp.reports("wamid.early", "read", { message_id: message.id });
      early = await read(tenant, message);
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(early).toMatchObject({ status: "read", external_id: "wamid.early" });
    // The one that was held came into its own together with the other.
    expect(early!.sent_at).not.toBeNull();
    expect(await read(tenant, message)).toEqual(early);
    expect(twin.asked).toHaveLength(1);
  });

  test("a report for an account that was told at another channel's door is held for it too", async () => {
    const { twin, world, tenant, conversation_id } = await withTwin();
    const other = await createWhatsApp(world, tenant);
    const message = await queue(tenant, conversation_id);
    twin.answer = async (response) => {
      await other.tell({
        id: "100200300",
        changes: [
          {
            field: "messages",
            value: {
              metadata: { phone_number_id: twin.account_id },
              statuses: [{ id: "wamid.early", status: "delivered", timestamp: String(Math.floor(Date.parse(world.now()) / 1000)) }],
            },
          },
        ],
      });
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "delivered" });
  });

  test("a report of a failure is held too", async () => {
    const { twin, world, tenant, whatsapp, conversation_id } = await withTwin();
    const message = await queue(tenant, conversation_id);
    twin.answer = async (response) => {
      await whatsapp.reports("wamid.early", "failed", { errors: [{ code: 131026, title: "Not on WhatsApp" }] });
      accepting("wamid.early")(response);
    };
    await world.sendQueued();
    expect(await read(tenant, message)).toMatchObject({ status: "failed", error: { code: "recipient_unreachable" } });
  });
});

describe("a report that is not about a message of ours", () => {
  test("of an id that nobody knows is kept and of no effect", async () => {
    const { tenant, whatsapp, message } = await withSent();
    const before = await rowsOf(tenant, messages);
    await whatsapp.reports("wamid.unknown", "read");
    expect(await rowsOf(tenant, messages)).toEqual(before);
    expect(await read(tenant, message)).toMatchObject({ status: "sent" });
    expect(await noted(tenant, "wamid.unknown")).toMatchObject({ outcome: "held", external_id: "wamid.unknown" });
  });

  test("that names another workspace's message does not touch it", async () => {
    const { world, message } = await withSent();
    const neighbour = await world.tenant();
    const theirs = await createWhatsApp(world, neighbour);
    await theirs.reports("wamid.theirs", "read", { message_id: message.id });
    await theirs.reports("wamid.ours", "read");
    expect(await countsOf(neighbour)).toMatchObject({ messages: 0, provider_events: 2 });
  });

  test("that names a message of another channel does not touch it", async () => {
    const { world, tenant, message } = await withSent();
    const other = await createWhatsApp(world, tenant);
    await other.reports("wamid.ours", "read", { message_id: message.id });
    expect(await read(tenant, message)).toMatchObject({ status: "sent", external_id: "wamid.ours" });
  });

  test.each(["msg_nothing", "somebody else's data", "conv_01h455vb4pex5vsknk084sn02q"])(
    "and carries %j is found by its own id",
    async (message_id) => {
      const { tenant, whatsapp, message } = await withSent();
      await whatsapp.reports("wamid.ours", "read", { message_id });
      expect(await read(tenant, message)).toMatchObject({ status: "read" });
    },
  );

  test("whose two ids name two messages goes by the provider's", async () => {
    const { world, tenant, whatsapp, message, conversation_id } = await withSent();
    const other = await queue(tenant, conversation_id, "Another one");
    await whatsapp.reports("wamid.ours", "read", { message_id: other.id });
    expect(await read(tenant, message)).toMatchObject({ status: "read", external_id: "wamid.ours" });
    expect(await read(tenant, other)).toMatchObject({ status: "queued", external_id: null });
    expect(world.logged).toEqual([]);
  });

  test("of a message that the contact wrote is recorded and of no effect", async () => {
    const { tenant, whatsapp } = await withTwin();
    await whatsapp.hears("Hello", { id: "wamid.theirs" });
    await whatsapp.reports("wamid.theirs", "read");
    expect((await rowsOf(tenant, messages)).map(({ status }) => status)).toEqual(["received", "received"]);
    expect(await noted(tenant, "wamid.theirs")).toMatchObject({ outcome: "ignored", detail: "a report of an inbound message" });
  });
});
