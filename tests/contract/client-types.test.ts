import { expectTypeOf, test } from "vitest";
import { createWasslaClient } from "../../src/client.ts";
import type { Id } from "../../src/core/ids.ts";

/** Judged by `tsc`, which must find a fault in each line below an `@ts-expect-error`; nothing here is ever asked. */
const client = createWasslaClient({ url: "http://wassla.test" });
const conversation_id: Id<"conv"> = "conv_01m7x0q4w6e8r9t2y3v5n7b1c4";
const contact_id: Id<"cont"> = "cont_01m7x0q4w6e8r9t2y3v5n7b1c4";

type InputOf<F extends (input: never, ...rest: never[]) => unknown> = Parameters<F>[0];
type OutputOf<F extends (input: never, ...rest: never[]) => unknown> = Awaited<ReturnType<F>>;
const { conversations, contacts, messages, me, webhookEndpoints, webhookSecret } = client;

type Get = InputOf<typeof conversations.get.query>;
type List = InputOf<typeof conversations.list.query>;
type Send = InputOf<typeof messages.sendInConversation.mutate>;

test("inputs are the contract's: what has a default may be left out, ids have the type of what they name", () => {
  expectTypeOf<Get>().toEqualTypeOf<{ conversation_id: Id<"conv"> }>();
  expectTypeOf<List>().toHaveProperty("limit").toEqualTypeOf<number | undefined>();
  expectTypeOf<List>().toHaveProperty("channel_id").toEqualTypeOf<Id<"chan"> | undefined>();
  expectTypeOf<InputOf<typeof contacts.update.mutate>>().toHaveProperty("name").toEqualTypeOf<string | null | undefined>();
  expectTypeOf<Send>().toHaveProperty("conversation_id").toEqualTypeOf<Id<"conv">>();
});

test("outputs are the contract's: every field is there, enums are their words, and lists are pages", () => {
  type Conversation = OutputOf<typeof conversations.get.query>;
  expectTypeOf<Conversation["id"]>().toEqualTypeOf<Id<"conv">>();
  expectTypeOf<Conversation["status"]>().toEqualTypeOf<"open" | "pending" | "resolved" | "timed_out" | "ended">();
  expectTypeOf<Conversation["closed_at"]>().toEqualTypeOf<string | null>();
  expectTypeOf<Conversation>().not.toHaveProperty("workspace_id");

  type Page = OutputOf<typeof conversations.list.query>;
  expectTypeOf<Page["data"]>().toEqualTypeOf<Conversation[]>();
  expectTypeOf<Page["next_cursor"]>().toEqualTypeOf<string | null>();

  expectTypeOf<OutputOf<typeof me.get.query>["api_key"]["scopes"]>().toEqualTypeOf<("read" | "write" | "admin")[]>();
  expectTypeOf<OutputOf<typeof contacts.delete.mutate>["deleted"]>().toEqualTypeOf<true>();
});

test("what the service would refuse does not compile, and what it would take does", () => {
  const taken = [
    () => me.get.query({}).then(({ api_key }) => api_key.prefix),
    () => conversations.get.query({ conversation_id }),
    () => conversations.list.query({ limit: 7, status: ["open"], cursor: "x" }),
    () => messages.sendInConversation.mutate({ conversation_id, content: { type: "text", text: "la" } }),
    () => webhookEndpoints.create.mutate({ url: "https://example.com", event_types: ["new_message"] }),
    () => contacts.upsert.mutate({ metadata: { a: "1" } }),
    () => webhookSecret.rotate.mutate({}),
  ];
  expectTypeOf(taken).toExtend<(() => Promise<unknown>)[]>();

  const refused = [
    // @ts-expect-error a field that is missing
    {} satisfies Get,
    // @ts-expect-error an input that is missing
    undefined satisfies Get,
    // @ts-expect-error an id of something else
    { conversation_id: contact_id } satisfies Get,
    // @ts-expect-error text that is no id
    { conversation_id: "7" } satisfies Get,
    // @ts-expect-error a field that is not there
    { conversation_id, surprise: 1 } satisfies Get,
    // @ts-expect-error text for a number
    { limit: "7" } satisfies List,
    // @ts-expect-error a word that is none of the enum's
    { status: ["asleep"] } satisfies List,
    // @ts-expect-error one for many
    { status: "open" } satisfies List,
    // @ts-expect-error null where only nothing will do
    { cursor: null } satisfies List,
    // @ts-expect-error a content of no kind
    { conversation_id, content: { type: "song", text: "la" } } satisfies Send,
    // @ts-expect-error a content without its text
    { conversation_id, content: { type: "text" } } satisfies Send,
    // @ts-expect-error an event that nobody sends
    { url: "https://example.com", event_types: ["full_moon"] } satisfies InputOf<typeof webhookEndpoints.create.mutate>,
    // @ts-expect-error metadata that is no text
    { metadata: { a: 1 } } satisfies InputOf<typeof contacts.upsert.mutate>,
  ];
  expectTypeOf(refused).toExtend<unknown[]>();

  expectTypeOf(webhookSecret.rotate).not.toHaveProperty("query");
  expectTypeOf(me.get).not.toHaveProperty("mutate");
  expectTypeOf(conversations).not.toHaveProperty("erase");
  expectTypeOf(client).not.toHaveProperty("secrets");
  expectTypeOf<OutputOf<typeof me.get.query>>().not.toHaveProperty("password");
});
