import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Conversation, ConversationStatus } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import type { Id } from "../../src/core/ids.ts";
import { seconds } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Where is my order?");
  return { world, tenant, id };
}

const patch = <T = Conversation>(tenant: Tenant, id: string, body: unknown, headers: Record<string, string> = {}) =>
  tenant.get<T>(`/v1/conversations/${id}`, { method: "PATCH", body, headers });
const read = (tenant: Tenant, id: string) => tenant.get<Conversation>(`/v1/conversations/${id}`);
const handOffs = async (tenant: Tenant) => (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "conversation.handed_off");

/** As the inactivity timer or a caller who hangs up would leave it. */
const force = (tenant: Tenant, id: Id<"conv">, status: ConversationStatus) =>
  tenant.ctx.db
    .update(conversations)
    .set({ status, closed_at: tenant.ctx.now(), closed_by: "inactivity_timer" })
    .where(and(mine(tenant.ctx, conversations), eq(conversations.id, id)));

describe("a conversation", () => {
  test("has what is named changed, and the rest as it was", async () => {
    const { world, tenant, id } = await withConversation();
    const { body: before } = await read(tenant, id);
    world.advance(seconds(5));
    const changes = {
      status: "pending",
      priority: "urgent",
      tags: ["vip", "طلب"],
      subject: "Order A-1007 😀",
      metadata: { order_id: "A-1007" },
    } as const;
    const { status, body: after } = await patch(tenant, id, changes);
    expect(status).toBe(200);
    expect(after).toEqual({ ...before, ...changes, updated_at: after.updated_at });
    expect(after.updated_at > before.updated_at).toBe(true);
    expect((await read(tenant, id)).body).toEqual(after);

    const { body: later } = await patch(tenant, id, { status: "open", subject: null });
    expect(later).toEqual({ ...after, status: "open", subject: null, updated_at: later.updated_at });
  });

  test.each([
    ["an empty body", {}],
    [
      "what it is already",
      { status: "open", priority: "normal", tags: [], subject: null, handler_mode: "unassigned", metadata: { gone: null } },
    ],
  ])("is not changed by %s", async (_, body) => {
    const { world, tenant, id } = await withConversation();
    const before = await read(tenant, id);
    world.advance(seconds(5));
    const { status, body: after, headers } = await patch(tenant, id, body);
    expect([status, after]).toEqual([200, before.body]);
    expect(headers.get("etag")).toBe(before.headers.get("etag"));
    expect(await handOffs(tenant)).toEqual([]);
  });

  test("is changed without a word to the webhooks", async () => {
    const { world, tenant, id } = await withConversation();
    world.woken.length = 0;
    await patch(tenant, id, { status: "pending", priority: "high" });
    expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message"]);
    expect(world.woken).toEqual([]);
  });

  test("keeps its tags in order, without the blanks around them, each once", async () => {
    const { tenant, id } = await withConversation();
    expect((await patch(tenant, id, { tags: [" b ", "a", "b", "A", "a"] })).body.tags).toEqual(["b", "a", "A"]);
    expect((await patch(tenant, id, { tags: ["a, b", '{"c"}', "d\\"] })).body.tags).toEqual(["a, b", '{"c"}', "d\\"]);
    expect((await patch(tenant, id, { tags: [] })).body.tags).toEqual([]);
    const most = Array.from({ length: 50 }, (_, n) => `${n} ${"س".repeat(47)}`.slice(0, 50));
    expect((await patch(tenant, id, { tags: most })).body.tags).toEqual(most);
  });

  test("has its metadata merged: a key that is null is removed", async () => {
    const { tenant, id } = await withConversation();
    await patch(tenant, id, { metadata: { order_id: "A-1007", city: "Cairo" } });
    const { body } = await patch(tenant, id, { metadata: { city: null, ملاحظة: "عاجل", missing: null } });
    expect(body.metadata).toEqual({ order_id: "A-1007", ملاحظة: "عاجل" });
    const full = Object.fromEntries(Array.from({ length: 48 }, (_, n) => [`k${n}`, "v"]));
    expect((await patch(tenant, id, { metadata: full })).status).toBe(200);
    const { status, body: refusal } = await patch<Problem>(tenant, id, { metadata: { one_more: "v" } });
    expect([status, refusal.errors]).toMatchObject([400, [{ pointer: "/metadata", code: "too_large" }]]);
    expect((await patch(tenant, id, { metadata: { k0: null, one_more: "v" } })).status).toBe(200);
  });

  test("that is given another handler says so in the audit log", async () => {
    const { tenant, id } = await withConversation();
    expect((await patch(tenant, id, { handler_mode: "ai" })).body.handler_mode).toBe("ai");
    expect(await handOffs(tenant)).toMatchObject([
      { actor_type: "api_key", actor_name: "First key", target_id: id, details: { from: "unassigned", to: "ai", note: null } },
    ]);
  });

  test("that nobody changed meanwhile is changed with its entity tag, and no other", async () => {
    const { tenant, id } = await withConversation();
    const etag = (await read(tenant, id)).headers.get("etag")!;
    const changed = await patch(tenant, id, { priority: "high" }, { "If-Match": etag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).toBe((await read(tenant, id)).headers.get("etag"));
    const { status, body } = await patch<Problem>(tenant, id, { priority: "low" }, { "If-Match": etag });
    expect([status, body.code]).toEqual([412, "precondition_failed"]);
    expect((await read(tenant, id)).body.priority).toBe("high");
  });
});

describe("the status", () => {
  test("goes between open and pending; for the rest there are other operations", async () => {
    const { tenant, id } = await withConversation();
    for (const [from, allowed] of [
      ["open", ["pending"]],
      ["pending", ["open"]],
    ] as const) {
      await patch(tenant, id, { status: from });
      for (const to of ["resolved", "timed_out", "ended"]) {
        const { status, body } = await patch<Problem>(tenant, id, { status: to, priority: "urgent" });
        expect([status, body.code, body["allowed"]]).toEqual([409, "invalid_status_transition", allowed]);
      }
    }
    expect((await read(tenant, id)).body).toMatchObject({ status: "pending", priority: "normal", closed_at: null });
    expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message"]);
  });

  test("a message does not end the waiting, a close does", async () => {
    const { tenant, id } = await withConversation();
    await patch(tenant, id, { status: "pending" });
    await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "We are looking into it." } });
    expect((await read(tenant, id)).body.status).toBe("pending");
    expect((await tenant.post(`/v1/conversations/${id}/close`)).body).toMatchObject({ status: "resolved" });
  });

  test.each(["resolved", "timed_out", "ended"] as const)(
    "of a conversation that is %s stays, and so does its handler; everything else can be changed",
    async (closed) => {
      const { tenant, id } = await withConversation();
      await force(tenant, id, closed);
      const { body: before } = await read(tenant, id);
      for (const body of [{ status: "open" }, { status: "pending" }, { handler_mode: "human" }, { tags: ["late"], handler_mode: "ai" }]) {
        const { status, body: refusal } = await patch<Problem>(tenant, id, body);
        expect([status, refusal.code]).toEqual([409, "conversation_closed"]);
      }
      expect((await read(tenant, id)).body).toEqual(before);

      const labels = { tags: ["late"], priority: "low", subject: "Order", metadata: { k: "v" } } as const;
      const { body: after } = await patch(tenant, id, { ...labels, status: closed });
      expect(after).toEqual({ ...before, ...labels, updated_at: after.updated_at });
    },
  );
});

describe("is refused, naming the fault, and changes nothing", () => {
  test.each<[string, object, string]>([
    ["a status that is none", { status: "closed" }, "/status not_allowed"],
    ["a priority that is none", { priority: "highest" }, "/priority not_allowed"],
    ["a handler that is none", { handler_mode: "robot" }, "/handler_mode not_allowed"],
    ["51 tags", { tags: Array.from({ length: 51 }, (_, n) => `${n}`) }, "/tags too_large"],
    ["a blank tag", { tags: ["vip", "  "] }, "/tags/1 too_small"],
    ["a tag of 51 characters", { tags: ["x".repeat(51)] }, "/tags/0 too_large"],
    ["tags that are text", { tags: "vip" }, "/tags invalid_type"],
    ["no tags at all", { tags: null }, "/tags invalid_type"],
    ["a blank subject", { subject: " " }, "/subject too_small"],
    ["a subject of 201 characters", { subject: "س".repeat(201) }, "/subject too_large"],
    ["metadata that is a number", { metadata: { k: 1 } }, "/metadata/k invalid_type"],
    ["a field that is not the client's", { message_count: 0 }, "/message_count unknown_field"],
    ["a null character", { subject: "a\0b" }, "/subject invalid_characters"],
  ])("%s", async (_, body, fault) => {
    const { tenant, id } = await withConversation();
    const { body: before } = await read(tenant, id);
    const { status, body: refusal } = await patch<Problem>(tenant, id, { priority: "urgent", ...body });
    expect([status, refusal.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
    expect((await read(tenant, id)).body).toEqual(before);
  });

  test("in another workspace", async () => {
    const { world, tenant, id } = await withConversation();
    const neighbour = await world.tenant();
    expect((await patch(neighbour, id, { priority: "high" })).status).toBe(404);
    expect((await read(tenant, id)).body.priority).toBe("normal");
  });

  test.each(["the row cannot be written", "the audit log cannot be written"])("where %s", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, id } = await withConversation({ db });
    const [{ body: before }, counts] = [await read(tenant, id), await countsOf(tenant)];
    if (which === "the row cannot be written") breakNext("update", conversations);
    else breakNext("insert", audit_log);
    const { status, body } = await patch<Problem>(tenant, id, { handler_mode: "human", priority: "high" });
    expect([status, body.code]).toEqual([500, "internal_error"]);
    expect((await read(tenant, id)).body).toEqual(before);
    expect(await countsOf(tenant)).toEqual(counts);
    expect(await handOffs(tenant)).toEqual([]);
    expect((await patch(tenant, id, { handler_mode: "human" })).status).toBe(200);
  });
});

test.skipIf(!onPostgres())(
  "of many who decided by the same state one changes it, and no key of metadata is lost without a tag",
  async () => {
    const { tenant, id } = await withConversation();
    const etag = (await read(tenant, id)).headers.get("etag")!;
    const tagged = await Promise.all([1, 2, 3, 4].map((n) => patch(tenant, id, { subject: `No ${n}` }, { "If-Match": etag })));
    expect(tagged.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412]);
    await Promise.all([1, 2, 3, 4].map((n) => patch(tenant, id, { metadata: { [`key_${n}`]: "kept" } })));
    expect(Object.keys((await read(tenant, id)).body.metadata).toSorted()).toEqual(["key_1", "key_2", "key_3", "key_4"]);
  },
);

test.skipIf(!onPostgres())("a change and a close at one moment: neither undoes the other", async () => {
  const { tenant } = await withConversation();
  for (let round = 0; round < 5; round++) {
    const { id } = await tenant.hears("Hello");
    const [changed, closed] = await Promise.all([
      patch(tenant, id, { status: "pending", priority: "high" }),
      tenant.post<Conversation>(`/v1/conversations/${id}/close`),
    ]);
    expect([200, 409]).toContain(changed.status);
    expect(closed.status).toBe(200);
    expect((await read(tenant, id)).body).toMatchObject({ status: "resolved", priority: changed.status === 200 ? "high" : "normal" });
  }
});
