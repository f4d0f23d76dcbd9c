import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Assignment, Conversation } from "../../src/conversations/contract.ts";
import { conversation_assignments, conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { seconds } from "../../src/core/time.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { invite, join, remove } from "../support/team.ts";
import type { Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id } = await tenant.hears("I want to talk to a person.");
  return { world, tenant, id };
}

const assign = <T = Conversation>(tenant: Tenant, id: string, body: unknown) => tenant.post<T>(`/v1/conversations/${id}/assign`, body);
const read = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;
const history = async (tenant: Tenant, id: string) => (await tenant.get<Page<Assignment>>(`/v1/conversations/${id}/assignments`)).body.data;
const handOffs = async (tenant: Tenant) => (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "conversation.handed_off");

test("a conversation goes from nobody to one, to another and to nobody; who had it and who gave it is kept", async () => {
  const { world, tenant, id } = await withConversation();
  const [lina, omar] = [await join(tenant), await join(tenant)];
  expect((await read(tenant, id)).assignee_id).toBeNull();
  for (const assignee_id of [lina, omar, null]) {
    world.advance(seconds(1));
    const { status, body } = await assign(tenant, id, { assignee_id });
    expect([status, body.assignee_id, body.handler_mode]).toEqual([200, assignee_id, "human"]);
    expect(await read(tenant, id)).toEqual(body);
  }
  const steps = await history(tenant, id);
  expect(steps.map(({ from_id, to_id }) => [from_id, to_id])).toEqual([
    [omar, null],
    [lina, omar],
    [null, lina],
  ]);
  for (const step of steps)
    expect(step).toMatchObject({ object: "assignment", conversation_id: id, assigned_by: { type: "api", name: "First key" } });
});

test("whoever is given a conversation is a person, and the audit log says that it was handed off; once", async () => {
  const { tenant, id } = await withConversation();
  await tenant.post(`/v1/conversations/${id}/handoff`, { to: "ai" });
  await assign(tenant, id, { assignee_id: await join(tenant) });
  await assign(tenant, id, { assignee_id: await join(tenant) });
  const [, ...others] = (await handOffs(tenant)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(others).toMatchObject([{ target_id: id, details: { from: "ai", to: "human", note: null } }]);
});

test("to take it from a member leaves who answers as it is", async () => {
  const { tenant, id } = await withConversation();
  await assign(tenant, id, { assignee_id: await join(tenant) });
  await tenant.post(`/v1/conversations/${id}/handoff`, { to: "ai" });
  expect((await assign(tenant, id, { assignee_id: null })).body).toMatchObject({ assignee_id: null, handler_mode: "ai" });
});

test("what is so already is no change", async () => {
  const { world, tenant, id } = await withConversation();
  const lina = await join(tenant);
  for (const assignee_id of [null, lina]) {
    await assign(tenant, id, { assignee_id });
    const [before, steps] = [await read(tenant, id), await history(tenant, id)];
    world.advance(seconds(1));
    expect((await assign(tenant, id, { assignee_id })).body).toEqual(before);
    expect(await history(tenant, id)).toEqual(steps);
  }
});

test("somebody who was invited and has not joined can be given one", async () => {
  const { tenant, id } = await withConversation();
  const { body } = await invite(tenant);
  expect((await assign(tenant, id, { assignee_id: body.id })).status).toBe(200);
});

test("the webhooks are not told; the next event tells who has it", async () => {
  const { tenant, id } = await withConversation();
  const lina = await join(tenant);
  await assign(tenant, id, { assignee_id: lina });
  expect(await eventsOf(tenant)).toHaveLength(1);
  await tenant.post(`/v1/conversations/${id}/close`);
  const events = await eventsOf<{ conversation: Conversation }>(tenant);
  expect(events.map(({ data }) => data.conversation.assignee_id)).toEqual([null, lina]);
});

describe("is refused, and changes nothing", () => {
  test("alike for a member who is foreign, malformed, nowhere and removed", async () => {
    const { world, tenant, id } = await withConversation();
    const gone = await join(tenant);
    await remove(tenant, gone);
    const foreign = await join(await world.tenant());
    const before = await read(tenant, id);
    const answers = await Promise.all(
      [foreign, "nobody", createNewId()("mem"), gone, id].map(async (assignee_id) => {
        const { body } = await assign<Problem>(tenant, id, { assignee_id });
        return { ...body, request_id: "of its own" };
      }),
    );
    expect(answers[0]).toMatchObject({ status: 400, errors: [{ pointer: "/assignee_id", code: "no_such_resource" }] });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect([await read(tenant, id), await history(tenant, id)]).toEqual([before, []]);
  });

  test.each<[string, unknown, string]>([
    ["without a word of whom to give it to", {}, "/assignee_id required"],
    ["to two", { assignee_id: [] }, "/assignee_id invalid_type"],
    ["with a field that is not there", { assignee_id: null, note: "Yours" }, "/note unknown_field"],
  ])("%s", async (_, body, fault) => {
    const { tenant, id } = await withConversation();
    const { status, body: refusal } = await assign<Problem>(tenant, id, body);
    expect([status, refusal.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
    expect(await history(tenant, id)).toEqual([]);
  });

  test("where it is closed", async () => {
    const { tenant, id } = await withConversation();
    await tenant.post(`/v1/conversations/${id}/close`);
    expect(await assign(tenant, id, { assignee_id: await join(tenant) })).toMatchObject({
      status: 409,
      body: { code: "conversation_closed" },
    });
    expect((await read(tenant, id)).assignee_id).toBeNull();
  });

  test.each([
    ["the row", conversations, "update"],
    ["the history", conversation_assignments, "insert"],
    ["the audit log", audit_log, "insert"],
  ] as const)("where %s cannot be written", async (_, table, verb) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, id } = await withConversation({ db });
    const lina = await join(tenant);
    const before = await read(tenant, id);
    breakNext(verb, table);
    expect((await assign(tenant, id, { assignee_id: lina })).status).toBe(500);
    expect([await read(tenant, id), await history(tenant, id)]).toEqual([before, []]);
  });
});

describe("the list by assignee", () => {
  test("has what one of them has, and what nobody has", async () => {
    const { tenant, id: first } = await withConversation();
    const [{ id: second }, { id: third }] = [await tenant.hears("Two"), await tenant.hears("Three")];
    const [lina, omar] = [await join(tenant), await join(tenant)];
    await assign(tenant, first, { assignee_id: lina });
    await assign(tenant, third, { assignee_id: lina });
    const shown = async (whose: string) =>
      (await tenant.get<Page<Conversation>>(`/v1/conversations?assignee_id=${whose}`)).body.data.map(({ id }) => id);
    expect(await shown(lina)).toEqual([third, first]);
    expect(await shown(omar)).toEqual([]);
    expect(await shown("none")).toEqual([second]);

    await tenant.post(`/v1/conversations/${first}/close`);
    await remove(tenant, lina);
    expect(await shown(lina), "what a member had when it was closed").toEqual([first]);
    expect(await shown("none")).toEqual([third, second]);
  });

  test.each(["None", "null", "", "mem_", "none,none"])("takes no %j", async (whose) => {
    const { tenant } = await withConversation();
    const { status, body } = await tenant.get<Problem>(`/v1/conversations?assignee_id=${whose}`);
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/assignee_id", code: "no_such_resource" }]]);
  });
});
