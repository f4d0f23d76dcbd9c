import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { seconds } from "../../src/core/time.ts";
import type { Note } from "../../src/notes/contract.ts";
import { notes } from "../../src/notes/tables.ts";
import type { Ticket } from "../../src/tickets/contract.ts";
import { createWhatsApp } from "../support/channels.ts";
import { caughtUp } from "../support/feeds.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { breakAt, type Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

/** A conversation and a ticket, each by its path. */
async function withSubjects() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Where is my order?");
  const { body: ticket } = await tenant.post<Ticket>("/v1/tickets", { subject: "Lost parcel" });
  return { world, tenant, id, ticket_id: ticket.id, conversation: `/v1/conversations/${id}`, ticket: `/v1/tickets/${ticket.id}` };
}

const write = <T = Note>(tenant: Tenant, subject: string, text: unknown) => tenant.post<T>(`${subject}/notes`, { text });
const notesOf = async (tenant: Tenant, subject: string) => (await tenant.get<Page<Note>>(`${subject}/notes`)).body.data;

test("a note is of a conversation or of a ticket, and is read where it was written", async () => {
  const { tenant, conversation, ticket, id, ticket_id } = await withSubjects();
  const { status, headers, body: of_conversation } = await write(tenant, conversation, "  اتصلت بالمستودع \n غداً  ");
  const { body: of_ticket } = await write(tenant, ticket, "Refunded");
  expect([status, headers.get("location")]).toEqual([201, `/v1/notes/${of_conversation.id}`]);
  expect(of_conversation).toMatchObject({
    object: "note",
    conversation_id: id,
    ticket_id: null,
    text: "اتصلت بالمستودع \n غداً",
    author: { type: "api", name: "First key" },
  });
  expect(of_ticket).toMatchObject({ conversation_id: null, ticket_id, text: "Refunded" });
  expect(await notesOf(tenant, conversation)).toEqual([of_conversation]);
  expect(await notesOf(tenant, ticket)).toEqual([of_ticket]);
  expect((await tenant.get(`/v1/notes/${of_conversation.id}`)).body).toEqual(of_conversation);
});

test("the newest note comes first, and a closed conversation takes notes too", async () => {
  const { tenant, conversation } = await withSubjects();
  await write(tenant, conversation, "One");
  await tenant.post(`${conversation}/close`);
  await write(tenant, conversation, "Two");
  expect((await notesOf(tenant, conversation)).map(({ text }) => text)).toEqual(["Two", "One"]);
});

test("a note is worded otherwise, by whoever has the tag of how it reads now", async () => {
  const { world, tenant, conversation } = await withSubjects();
  const { body: note } = await write(tenant, conversation, "One");
  const path = `/v1/notes/${note.id}`;
  const etag = (await tenant.get(path)).headers.get("etag")!;
  world.advance(seconds(1));
  const { body: same } = await tenant.patch<Note>(path, { text: " One " });
  expect(same).toEqual(note);
  const { token: key } = await tenant.mint();
  const { body: changed } = await tenant.patch<Note>(path, { text: "Two" }, { key, headers: { "If-Match": etag } });
  expect(changed).toEqual({ ...note, text: "Two", updated_at: changed.updated_at });
  expect(changed.updated_at > note.updated_at).toBe(true);
  const late = await tenant.patch<Problem>(path, { text: "Three" }, { headers: { "If-Match": etag } });
  expect([late.status, late.body.code]).toEqual([412, "precondition_failed"]);
});

test("a note is erased; who did it stays, what it said does not", async () => {
  const { tenant, ticket, ticket_id } = await withSubjects();
  const { body: note } = await write(tenant, ticket, "Their card ends in 4242");
  expect((await tenant.delete(`/v1/notes/${note.id}`)).body).toEqual({ id: note.id, object: "note", deleted: true });
  expect((await tenant.get(`/v1/notes/${note.id}`)).status).toBe(404);
  expect((await tenant.delete(`/v1/notes/${note.id}`)).status).toBe(404);
  expect([await notesOf(tenant, ticket), await rowsOf(tenant, notes)]).toEqual([[], []]);
  const entries = (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "note.deleted");
  expect(entries).toMatchObject([{ target_id: note.id, actor_type: "api_key", details: { ticket_id } }]);
  expect(JSON.stringify(entries)).not.toContain("4242");
});

test("a note that cannot be erased with its audit entry stays", async () => {
  const { world, tenant, ticket } = await withSubjects();
  const { body: note } = await write(tenant, ticket, "Refunded");
  const mend = breakAt(world, "aud");
  expect((await tenant.delete(`/v1/notes/${note.id}`)).status).toBe(500);
  mend();
  expect(await notesOf(tenant, ticket)).toEqual([note]);
});

describe("nobody outside the team ever reads a note:", () => {
  const secret = "NOTE-7731 between us";
  async function withNote() {
    const made = await withSubjects();
    const receiver = await createReceiver();
    await made.tenant.endpoint(receiver.url);
    await write(made.tenant, made.conversation, secret);
    return { ...made, receiver };
  }

  test("it is in no transcript", async () => {
    const { tenant, conversation } = await withNote();
    for (const format of ["json", "text", "markdown"])
      expect(JSON.stringify((await tenant.get(`${conversation}/transcript?format=${format}`)).body)).not.toContain("NOTE-7731");
  });

  test("it is in no list of messages, counts as none and is no preview", async () => {
    const { world, tenant, conversation } = await withNote();
    await caughtUp(world.services.db);
    for (const path of [`${conversation}/messages`, "/v1/messages", "/v1/messages?order=asc", "/v1/conversations"])
      expect(JSON.stringify((await tenant.get(path)).body), path).not.toContain("NOTE-7731");
    expect((await tenant.get<Conversation>(conversation)).body).toMatchObject({
      message_count: 1,
      last_message_preview: "Where is my order?",
      first_response_at: null,
    });
  });

  test("it is in no event and reaches no webhook", async () => {
    const { world, tenant, conversation, receiver } = await withNote();
    await tenant.post(`${conversation}/messages`, { content: { type: "text", text: "On its way" } });
    await tenant.post(`${conversation}/close`);
    await world.deliver();
    expect(receiver.received.length).toBeGreaterThan(1);
    for (const { body } of receiver.received) expect(body).not.toContain("NOTE-7731");
    await caughtUp(world.services.db);
    expect(JSON.stringify((await tenant.get("/v1/events")).body)).not.toContain("NOTE-7731");
  });

  test("it wakes no dispatcher and is sent to no provider", async () => {
    const told: string[] = [];
    const provider: typeof fetch = async (_, init) => {
      told.push(JSON.stringify(init?.body));
      return Response.json({ messages: [{ id: "wamid.1" }] });
    };
    const world = await createWorld({ network: { fetch: provider } });
    const tenant = await world.tenant();
    const conversation = `/v1/conversations/${(await (await createWhatsApp(world, tenant)).hears("Hello")).id}`;
    world.woken.length = 0;
    await write(tenant, conversation, secret);
    expect(world.woken).toEqual([]);
    await tenant.post(`${conversation}/messages`, { content: { type: "text", text: "On its way" } });
    await world.sendQueued();
    expect(told.join()).toContain("On its way");
    expect(told.join()).not.toContain("NOTE-7731");
  });
});

test.each<[string, unknown, string]>([
  ["without a word", undefined, "/text required"],
  ["of blanks", " \n ", "/text too_small"],
  ["of 5001 characters", "س".repeat(5001), "/text too_large"],
  ["that is no text", 7, "/text invalid_type"],
])("a note %s is refused by name, wherever it would be written", async (_, text, fault) => {
  const { tenant, conversation, ticket } = await withSubjects();
  const { body: note } = await write(tenant, ticket, "Before");
  const asked = [
    await write<Problem>(tenant, conversation, text),
    await write<Problem>(tenant, ticket, text),
    await tenant.patch<Problem>(`/v1/notes/${note.id}`, { text }),
  ];
  for (const { status, body } of asked)
    expect([status, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
  expect(await rowsOf(tenant, notes)).toHaveLength(1);
});
