import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Db } from "../../src/core/context.ts";
import type { Problem } from "../../src/core/errors.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withConversation(options: { db?: Db } = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const { id } = await tenant.hears("I want to talk to a person.");
  return { world, tenant, id };
}

const handOff = <T = Conversation>(tenant: Tenant, id: string, body: unknown) => tenant.post<T>(`/v1/conversations/${id}/handoff`, body);
const read = async (tenant: Tenant, id: string) => (await tenant.get<Conversation>(`/v1/conversations/${id}`)).body;
const recorded = async (tenant: Tenant) => (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "conversation.handed_off");

test("a conversation is handed to a person, to the agent and to nobody; who did it and why is kept", async () => {
  const { tenant, id } = await withConversation();
  for (const to of ["ai", "human", "unassigned"] as const) {
    const { status, body } = await handOff(tenant, id, { to, note: ` To ${to} ` });
    expect([status, body.handler_mode]).toEqual([200, to]);
    expect(await read(tenant, id)).toEqual(body);
  }
  const steps = (await recorded(tenant)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  expect(steps.map(({ details }) => details)).toEqual([
    { from: "unassigned", to: "ai", note: "To ai" },
    { from: "ai", to: "human", note: "To human" },
    { from: "human", to: "unassigned", note: "To unassigned" },
  ]);
  for (const step of steps) expect(step).toMatchObject({ actor_type: "api_key", actor_name: "First key", target_id: id });
});

test("the next message tells who answers", async () => {
  const { tenant, id } = await withConversation();
  await handOff(tenant, id, { to: "human" });
  await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "How can I help?" } });
  const events = await eventsOf<{ conversation: Conversation }>(tenant);
  expect(events.map(({ data }) => data.conversation.handler_mode)).toEqual(["unassigned", "human"]);
});

test("a message through the API leaves it with whoever has it", async () => {
  const { tenant, id } = await withConversation();
  await handOff(tenant, id, { to: "ai" });
  await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Your order was shipped." } });
  expect((await read(tenant, id)).handler_mode).toBe("ai");
});

describe("is refused, and changes nothing", () => {
  test.each<[string, unknown, string]>([
    ["without anybody to hand it to", {}, "/to required"],
    ["to whom there is not", { to: "robot" }, "/to not_allowed"],
    ["with a blank note", { to: "human", note: " " }, "/note too_small"],
    ["with a note of 1001 characters", { to: "human", note: "س".repeat(1001) }, "/note too_large"],
    ["with a field that is not there", { to: "human", assignee: "Omar" }, "/assignee unknown_field"],
  ])("%s", async (_, body, fault) => {
    const { tenant, id } = await withConversation();
    const { status, body: refusal } = await handOff<Problem>(tenant, id, body);
    expect([status, refusal.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
    expect(await recorded(tenant)).toEqual([]);
  });

  test("where it is closed", async () => {
    const { tenant, id } = await withConversation();
    await tenant.post(`/v1/conversations/${id}/close`);
    const { status, body } = await handOff<Problem>(tenant, id, { to: "human" });
    expect([status, body.code]).toEqual([409, "conversation_closed"]);
    expect((await read(tenant, id)).handler_mode).toBe("unassigned");
    expect(await recorded(tenant)).toEqual([]);
  });

  test.each(["the row cannot be written", "the audit log cannot be written"])("where %s", async (which) => {
    const { db, breakNext } = breakable((await database()).db);
    const { tenant, id } = await withConversation({ db });
    const before = await read(tenant, id);
    if (which === "the row cannot be written") breakNext("update", conversations);
    else breakNext("insert", audit_log);
    expect((await handOff(tenant, id, { to: "human" })).status).toBe(500);
    expect(await read(tenant, id)).toEqual(before);
    expect(await recorded(tenant)).toEqual([]);
  });
});
