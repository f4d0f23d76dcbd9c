import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { seconds } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import type { Ticket, TicketStatus } from "../../src/tickets/contract.ts";
import { ticket_numbers, tickets } from "../../src/tickets/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database, onPostgres } from "../support/database.ts";
import { openInstances } from "../support/instances.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { join, remove } from "../support/team.ts";
import { breakAt, type Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withTenant(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  return { world, tenant: await world.tenant() };
}

const create = <T = Ticket>(tenant: Tenant, given: object = {}) => tenant.post<T>("/v1/tickets", { subject: "Refund", ...given });
const read = (tenant: Tenant, id: string) => tenant.get<Ticket>(`/v1/tickets/${id}`);
const patch = <T = Ticket>(tenant: Tenant, id: string, body: unknown) => tenant.patch<T>(`/v1/tickets/${id}`, body);
const list = async (tenant: Tenant, query = "") => (await tenant.get<Page<Ticket>>(`/v1/tickets${query}`)).body;
const faults = ({ errors }: Problem) => errors?.map(({ pointer, code }) => `${pointer} ${code}`);

describe("creating", () => {
  test("needs no more than a subject", async () => {
    const { tenant } = await withTenant();
    const { status, headers, body } = await create(tenant, { subject: "  استرجاع المبلغ " });
    expect([status, headers.get("location")]).toEqual([201, `/v1/tickets/${body.id}`]);
    expect(body).toEqual({
      id: body.id,
      object: "ticket",
      number: 1,
      subject: "استرجاع المبلغ",
      description: null,
      status: "open",
      priority: "normal",
      assignee_id: null,
      conversation_id: null,
      contact_id: null,
      tags: [],
      metadata: {},
      created_by: { type: "api", id: expect.stringMatching(/^key_/) as string, name: "First key" },
      resolved_at: null,
      closed_at: null,
      created_at: body.created_at,
      updated_at: body.created_at,
    });
    expect((await read(tenant, body.id)).body).toEqual(body);
  });

  test("keeps what is given", async () => {
    const { tenant } = await withTenant();
    const { contact_id } = await tenant.hears("Hello");
    const given = { description: "Twice", priority: "urgent", tags: ["vip", "late"], metadata: { order_id: "A-1007" }, contact_id };
    const assignee_id = await join(tenant);
    expect((await create(tenant, { ...given, assignee_id, tags: ["vip", "late", "vip"] })).body).toMatchObject({ ...given, assignee_id });
  });

  test("of a conversation is about its contact, and is told of there, in the next event too", async () => {
    const { world, tenant } = await withTenant();
    const { id: conversation_id, contact_id } = await tenant.hears("Hello");
    const { body: before } = await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`);
    world.advance(seconds(1));
    const first = await create(tenant, { conversation_id });
    const second = await create(tenant, { conversation_id, contact_id });
    expect(first.body).toMatchObject({ conversation_id, contact_id });
    const ticket_ids = [first.body.id, second.body.id];
    const { body: after } = await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`);
    expect(after).toEqual({ ...before, ticket_ids, updated_at: after.updated_at });
    expect(after.updated_at > before.updated_at).toBe(true);
    expect((await tenant.get<Page<Conversation>>("/v1/conversations")).body.data).toEqual([after]);

    await tenant.post(`/v1/conversations/${conversation_id}/close`);
    const events = await eventsOf<{ conversation: Conversation }>(tenant);
    expect(events.map(({ data }) => data.conversation.ticket_ids)).toEqual([[], ticket_ids]);
  });

  test("of a closed conversation, and about somebody who was deleted since, is no matter", async () => {
    const { tenant } = await withTenant();
    const { id: conversation_id, contact_id } = await tenant.hears("Hello");
    await tenant.post(`/v1/conversations/${conversation_id}/close`);
    await tenant.delete(`/v1/contacts/${contact_id}`);
    expect((await create(tenant, { conversation_id })).body).toMatchObject({ conversation_id, contact_id });
  });

  test.each<[string, object, string]>([
    ["no subject", { subject: undefined }, "/subject required"],
    ["a blank subject", { subject: " " }, "/subject too_small"],
    ["a subject of 201 characters", { subject: "س".repeat(201) }, "/subject too_large"],
    ["a description of 10001 characters", { description: "x".repeat(10_001) }, "/description too_large"],
    ["a priority that there is not", { priority: "highest" }, "/priority not_allowed"],
    ["a status", { status: "closed" }, "/status unknown_field"],
    ["a number", { number: 7 }, "/number unknown_field"],
    ["a blank tag", { tags: [""] }, "/tags/0 too_small"],
    ["a null description", { description: null }, "/description invalid_type"],
  ])("with %s is refused by name", async (_, given, fault) => {
    const { tenant } = await withTenant();
    const { status, body } = await create<Problem>(tenant, given);
    expect([status, faults(body)]).toEqual([400, [fault]]);
    expect([await rowsOf(tenant, tickets), await rowsOf(tenant, ticket_numbers)]).toEqual([[], []]);
  });

  test.each(["assignee_id", "conversation_id", "contact_id"] as const)(
    "with a %s that is foreign, malformed or nowhere gets one and the same answer, and leaves nothing",
    async (field) => {
      const { world, tenant } = await withTenant();
      const neighbour = await world.tenant();
      const theirs = await neighbour.hears("Hello");
      const foreign = { assignee_id: await join(neighbour), conversation_id: theirs.id, contact_id: theirs.contact_id }[field];
      const prefix = ({ assignee_id: "mem", conversation_id: "conv", contact_id: "cont" } as const)[field];
      const answers = await Promise.all(
        [foreign, createNewId()(prefix), "nothing"].map(async (id) => ({
          ...(await create<Problem>(tenant, { [field]: id })).body,
          request_id: "of its own",
        })),
      );
      expect(answers[0]).toMatchObject({ status: 400, errors: [{ pointer: `/${field}`, code: "no_such_resource" }] });
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      expect([await rowsOf(tenant, tickets), await rowsOf(tenant, ticket_numbers)]).toEqual([[], []]);
      expect((await neighbour.get<Conversation>(`/v1/conversations/${theirs.id}`)).body.ticket_ids).toEqual([]);
    },
  );

  test("for a removed member, about a deleted contact or another than the conversation's is refused, and leaves nothing", async () => {
    const { tenant } = await withTenant();
    const { id: conversation_id } = await tenant.hears("Hello");
    const { contact_id } = await tenant.hears("Hello too");
    const gone = await join(tenant);
    await remove(tenant, gone);
    const { contact_id: deleted } = await tenant.hears("Bye");
    await tenant.delete(`/v1/contacts/${deleted}`);
    const refused = [
      await create<Problem>(tenant, { assignee_id: gone }),
      await create<Problem>(tenant, { contact_id: deleted }),
      await create<Problem>(tenant, { conversation_id, contact_id }),
    ];
    expect(refused.map(({ body }) => faults(body))).toEqual([
      ["/assignee_id no_such_resource"],
      ["/contact_id no_such_resource"],
      ["/contact_id not_allowed"],
    ]);
    expect(await rowsOf(tenant, tickets)).toEqual([]);
    expect((await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`)).body.ticket_ids).toEqual([]);
  });

  test.each([
    ["its number", ticket_numbers, "insert"],
    ["its row", tickets, "insert"],
    ["its conversation", conversations, "update"],
  ] as const)("that fails at %s leaves nothing", async (_, table, verb) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant } = await withTenant({ db });
    const { id: conversation_id } = await tenant.hears("Hello");
    await create(tenant);
    breakNext(verb, table);
    expect((await create(tenant, { conversation_id })).status).toBe(500);
    expect((await tenant.get<Conversation>(`/v1/conversations/${conversation_id}`)).body.ticket_ids).toEqual([]);
    expect((await create(tenant)).body.number, "the number was given back").toBe(2);
  });
});

describe("numbers", () => {
  test("count up in each workspace by itself", async () => {
    const { world, tenant } = await withTenant();
    const neighbour = await world.tenant();
    const made = [await create(tenant), await create(tenant), await create(neighbour), await create(tenant)];
    expect(made.map(({ body }) => body.number)).toEqual([1, 2, 1, 3]);
  });

  test.skipIf(!onPostgres())("are each given once, without a gap, to fifty at one moment of whom some fail", async () => {
    const worlds = await openInstances(4);
    const tenant = await worlds[0]!.tenant();
    breakAt(worlds[3]!, "tkt");
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        worlds[n % 4]!.request<Ticket>("/v1/tickets", { method: "POST", key: tenant.api_key, body: { subject: `No ${n}` } }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.number);
    expect(made.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 38 }, (_, n) => n + 1));
    expect((await create(tenant)).body.number).toBe(39);
  });
});

describe("a ticket", () => {
  test("has what is named changed, and the rest as it was", async () => {
    const { world, tenant } = await withTenant();
    const { body: before } = await create(tenant, { metadata: { order_id: "A-1", city: "Tyre" } });
    world.advance(seconds(1));
    const { body: after } = await patch(tenant, before.id, {
      subject: "Refund 😀",
      description: "Twice",
      priority: "high",
      tags: ["vip"],
      metadata: { city: null, note: "x" },
    });
    expect(after).toEqual({
      ...before,
      subject: "Refund 😀",
      description: "Twice",
      priority: "high",
      tags: ["vip"],
      metadata: { order_id: "A-1", note: "x" },
      updated_at: after.updated_at,
    });
    expect(after.updated_at > before.updated_at).toBe(true);
    for (const body of [{}, { subject: "Refund 😀", status: "open", priority: "high", tags: ["vip"] }])
      expect((await patch(tenant, before.id, body)).body).toEqual(after);
    expect((await patch(tenant, before.id, { description: null })).body.description).toBeNull();
  });

  test.each<[string, object, string]>([
    ["no subject", { subject: null }, "/subject"],
    ["a status that there is not", { status: "pending" }, "/status"],
    ["another number", { number: 1 }, "/number"],
    ["another conversation", { conversation_id: createNewId()("conv") }, "/conversation_id"],
    ["an assignee, who is given it by POST /assign", { assignee_id: null }, "/assignee_id"],
    ["too much metadata", { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, "v"])) }, "/metadata"],
  ])("is not given %s", async (_, body, pointer) => {
    const { tenant } = await withTenant();
    const { body: before } = await create(tenant);
    const { status, body: refusal } = await patch<Problem>(tenant, before.id, body);
    expect([status, refusal.errors?.map((fault) => fault.pointer)]).toEqual([400, [pointer]]);
    expect((await read(tenant, before.id)).body).toEqual(before);
  });

  test("that was changed meanwhile is not changed by whoever does not know", async () => {
    const { tenant } = await withTenant();
    const { body } = await create(tenant);
    const etag = (await read(tenant, body.id)).headers.get("etag")!;
    const change = (priority: string) => tenant.patch<Problem>(`/v1/tickets/${body.id}`, { priority }, { headers: { "If-Match": etag } });
    expect((await change("high")).status).toBe(200);
    expect(await change("low")).toMatchObject({ status: 412, body: { code: "precondition_failed" } });
  });

  test("is nobody's outside its workspace", async () => {
    const { world, tenant } = await withTenant();
    const { body } = await create(tenant);
    const neighbour = await world.tenant();
    expect([(await read(neighbour, body.id)).status, (await patch(neighbour, body.id, { subject: "Mine" })).status]).toEqual([404, 404]);
    expect((await list(neighbour)).data).toEqual([]);
  });
});

describe("its status", () => {
  const all: TicketStatus[] = ["open", "in_progress", "waiting", "resolved", "closed"];
  const working: TicketStatus[] = ["open", "in_progress", "waiting"];
  const allowed: Record<TicketStatus, TicketStatus[]> = {
    open: ["in_progress", "waiting", "resolved", "closed"],
    in_progress: ["open", "waiting", "resolved", "closed"],
    waiting: ["open", "in_progress", "resolved", "closed"],
    resolved: ["open", "in_progress", "closed"],
    closed: [],
  };

  test.each(all)("from %s goes only where the table says, and a refusal names where that is", async (from) => {
    const { tenant } = await withTenant();
    for (const to of all.filter((status) => status !== from)) {
      const { body } = await create(tenant);
      if (from !== "open") await patch(tenant, body.id, { status: from });
      const { body: before } = await read(tenant, body.id);
      const { status, body: after } = await patch<Ticket | Problem>(tenant, body.id, { status: to, subject: "Changed" });
      if (allowed[from].includes(to)) expect([status, after.status]).toEqual([200, to]);
      else {
        expect([status, after]).toMatchObject([409, { code: "invalid_status_transition", allowed: allowed[from] }]);
        expect((await read(tenant, body.id)).body).toEqual(before);
      }
    }
  });

  test("keeps when it was resolved and closed; what is taken up again is neither", async () => {
    const { world, tenant } = await withTenant();
    const { body: made } = await create(tenant);
    const step = async (status: TicketStatus) => {
      world.advance(seconds(1));
      return (await patch(tenant, made.id, { status })).body;
    };
    for (const status of working.slice(1)) expect(await step(status)).toMatchObject({ resolved_at: null, closed_at: null });
    const resolved = await step("resolved");
    expect(resolved).toMatchObject({ resolved_at: resolved.updated_at, closed_at: null });
    expect(await step("open")).toMatchObject({ resolved_at: null, closed_at: null });
    const again = await step("resolved");
    const closed = await step("closed");
    expect(closed).toMatchObject({ resolved_at: again.updated_at, closed_at: closed.updated_at });
  });

  test("of what is closed without being resolved says so, and everything else of it can be changed still", async () => {
    const { tenant } = await withTenant();
    const { body } = await create(tenant);
    const { body: closed } = await patch(tenant, body.id, { status: "closed" });
    expect(closed).toMatchObject({ resolved_at: null, closed_at: closed.updated_at });
    expect((await patch(tenant, body.id, { tags: ["late"], status: "closed" })).body).toMatchObject({ tags: ["late"], status: "closed" });
  });
});

describe("assigning", () => {
  const assign = <T = Ticket>(tenant: Tenant, id: string, body: unknown) => tenant.post<T>(`/v1/tickets/${id}/assign`, body);

  test("gives it to one, to another and to nobody; what is so already is no change", async () => {
    const { world, tenant } = await withTenant();
    const { body: made } = await create(tenant);
    for (const assignee_id of [await join(tenant), await join(tenant), null]) {
      world.advance(seconds(1));
      const { status, body } = await assign(tenant, made.id, { assignee_id });
      expect([status, body.assignee_id]).toEqual([200, assignee_id]);
      world.advance(seconds(1));
      expect((await assign(tenant, made.id, { assignee_id })).body).toEqual(body);
      expect((await read(tenant, made.id)).body).toEqual(body);
    }
  });

  test("to a member who is foreign, malformed, nowhere or removed gets one and the same answer", async () => {
    const { world, tenant } = await withTenant();
    const { body: before } = await create(tenant);
    const gone = await join(tenant);
    await remove(tenant, gone);
    const foreign = await join(await world.tenant());
    const answers = await Promise.all(
      [foreign, "nobody", createNewId()("mem"), gone].map(async (assignee_id) => ({
        ...(await assign<Problem>(tenant, before.id, { assignee_id })).body,
        request_id: "of its own",
      })),
    );
    expect(answers[0]).toMatchObject({ status: 400, errors: [{ pointer: "/assignee_id", code: "no_such_resource" }] });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await read(tenant, before.id)).body).toEqual(before);
  });

  test("without a word of whom is refused", async () => {
    const { tenant } = await withTenant();
    const { body } = await create(tenant);
    expect(faults((await assign<Problem>(tenant, body.id, {})).body)).toEqual(["/assignee_id required"]);
  });
});

describe("the list", () => {
  test("is filtered by status, priority, assignee, conversation, contact, tag and time", async () => {
    const { world, tenant } = await withTenant();
    const { id: conversation_id, contact_id } = await tenant.hears("Hello");
    const lina = await join(tenant);
    const make = async (given: object) => {
      world.advance(seconds(1));
      return (await create(tenant, given)).body;
    };
    const one = await make({ conversation_id, priority: "high" });
    const two = await make({ assignee_id: lina, tags: ["vip", "late"] });
    const three = await make({ contact_id, tags: ["vip"] });
    world.advance(seconds(1));
    const { body: changed } = await patch(tenant, one.id, { status: "waiting" });
    const shown = async (query: string) => (await list(tenant, `?${query}`)).data.map(({ number }) => number);

    expect(await shown("")).toEqual([3, 2, 1]);
    expect(await shown("status=waiting")).toEqual([1]);
    expect(await shown("status=waiting&status=open")).toEqual([3, 2, 1]);
    expect(await shown("priority=high&priority=urgent")).toEqual([1]);
    expect(await shown(`assignee_id=${lina}`)).toEqual([2]);
    expect(await shown("assignee_id=none")).toEqual([3, 1]);
    expect(await shown(`conversation_id=${conversation_id}`)).toEqual([1]);
    expect(await shown(`contact_id=${contact_id}`)).toEqual([3, 1]);
    expect(await shown("tag=vip")).toEqual([3, 2]);
    expect(await shown("tag=vip&assignee_id=none")).toEqual([3]);
    expect(await shown(`created_after=${two.created_at}`)).toEqual([3]);
    expect(await shown(`created_before=${two.created_at}`)).toEqual([1]);
    expect(await shown(`updated_after=${three.updated_at}`)).toEqual([1]);
    expect(await shown(`updated_before=${changed.updated_at}`)).toEqual([3, 2]);
    expect(await shown("sort=created_at")).toEqual([1, 2, 3]);
    expect(await shown("sort=-updated_at")).toEqual([1, 3, 2]);
    expect(await shown("sort=updated_at")).toEqual([2, 3, 1]);
  });

  test.each(["-created_at", "created_at", "-updated_at", "updated_at"])(
    "sorted by %s gives each row once in pages, also where all have one and the same time",
    async (sort) => {
      const { tenant } = await withTenant();
      for (let n = 0; n < 5; n++) await create(tenant);
      await tenant.ctx.db.update(tickets).set({ updated_at: "2026-11-22T10:00:00.000Z" }).where(mine(tenant.ctx, tickets));
      const seen: number[] = [];
      for (let cursor: string | null = ""; cursor !== null;) {
        const page: Page<Ticket> = await list(tenant, `?sort=${sort}&limit=2${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.data.map(({ number }) => number));
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(sort.startsWith("-") ? [5, 4, 3, 2, 1] : [1, 2, 3, 4, 5]);
    },
  );

  test.each([
    ["status=pending", "/status/0 not_allowed"],
    ["priority=highest", "/priority/0 not_allowed"],
    ["assignee_id=nobody", "/assignee_id no_such_resource"],
    ["tag=", "/tag too_small"],
    ["sort=number", "/sort not_allowed"],
    ["created_after=yesterday", "/created_after invalid_timestamp"],
  ])("of %s is refused by name", async (query, fault) => {
    const { tenant } = await withTenant();
    expect(faults((await tenant.get<Problem>(`/v1/tickets?${query}`)).body)).toEqual([fault]);
  });
});
