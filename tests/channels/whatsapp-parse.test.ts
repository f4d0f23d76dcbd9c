import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Content } from "../../src/channels/contract.ts";
import type { InboundEvent } from "../../src/channels/providers/provider.ts";
import { whatsapp } from "../../src/channels/providers/whatsapp.ts";
import { expectStorable, mutated } from "../support/inbound-events.ts";
import { recorded, recordedTest } from "../support/payloads.ts";

const received_at = "2026-11-22T10:15:12.480Z";
const at = "1795342500";
const occurred_at = "2026-11-22T10:15:00.000Z";
const our_id = "msg_01m7x0q4w6e8r9t2y3v5n7b1c4";

const parse = (body: unknown): InboundEvent[] => whatsapp.parse(new TextEncoder().encode(JSON.stringify(body)), received_at);

/** One callback about one of our numbers, as Meta wraps it. */
const callback = (value: object, field = "messages") => ({
  object: "whatsapp_business_account",
  entry: [
    {
      id: "waba-7",
      time: Number(at),
      changes: [
        {
          field,
          value: { messaging_product: "whatsapp", metadata: { display_phone_number: "4912345", phone_number_id: "number-7" }, ...value },
        },
      ],
    },
  ],
});

const mona = { profile: { name: "Mona" }, wa_id: "4915110000001", user_id: "DE.7001" };
const written = (message: object) =>
  callback({ contacts: [mona], messages: [{ from: mona.wa_id, id: "wamid.in1", timestamp: at, ...message }] });
const told = (status: object) => callback({ statuses: [{ id: "wamid.out1", timestamp: at, recipient_id: mona.wa_id, ...status }] });
const echoed = (message: object) =>
  callback(
    { message_echoes: [{ from: "4912345", to: "+49 1511 0000001", id: "wamid.own1", timestamp: at, ...message }] },
    "smb_message_echoes",
  );

const theOnly = (body: unknown): InboundEvent => {
  const events = parse(body);
  expect(events).toHaveLength(1);
  return events[0]!;
};

describe("a customer's message", () => {
  test("carries the ids, the time, the name and both identities", () => {
    expect(theOnly(written({ type: "text", text: { body: "Is my parcel there?" } }))).toEqual({
      kind: "message",
      dedupe_key: "wamid.in1",
      external_id: "wamid.in1",
      account_id: "number-7",
      occurred_at,
      from: [
        { kind: "phone", value: "4915110000001" },
        { kind: "whatsapp_user", value: "DE.7001" },
      ],
      name: "Mona",
      content: { type: "text", text: "Is my parcel there?" },
      raw: expect.objectContaining({ id: "wamid.in1", type: "text" }) as unknown,
    });
  });

  test("may come from someone who shows no phone number", () => {
    const hidden = { profile: { username: "mona.m" }, user_id: "DE.7001" };
    const message = { from_user_id: "DE.7001", id: "wamid.in2", timestamp: at, type: "text", text: { body: "Hello" } };
    expect(theOnly(callback({ contacts: [hidden], messages: [message] }))).toMatchObject({
      from: [{ kind: "whatsapp_user", value: "DE.7001" }],
      name: "mona.m",
    });
  });

  test("is attributed to its own sender where several are introduced", () => {
    const omar = { profile: { name: "Omar" }, wa_id: "4915110000002" };
    const from = (phone: string, id: string) => ({ from: phone, id, timestamp: at, type: "text", text: { body: "Hi" } });
    const body = callback({
      contacts: [omar, mona],
      messages: [from(mona.wa_id, "wamid.a"), from(omar.wa_id, "wamid.b"), from("4915110000003", "wamid.c")],
    });
    expect(parse(body).map((event) => event.kind === "message" && [event.name, event.from.length])).toEqual([
      ["Mona", 2],
      ["Omar", 1],
      [null, 1],
    ]);
  });

  const text = (wording: string) => ({ type: "text", text: wording });
  test.each<[string, object, object]>([
    ["text", { text: { body: "Hi 👋" } }, text("Hi 👋")],
    ["text", { text: {} }, text("[Unreadable text message]")],
    ["button", { button: { text: "Yes, please", payload: "yes" } }, text("Yes, please")],
    ["button", { button: { payload: "yes" } }, text("yes")],
    ["interactive", { interactive: { type: "button_reply", button_reply: { id: "1", title: "Track it" } } }, text("Track it")],
    [
      "interactive",
      { interactive: { type: "list_reply", list_reply: { id: "1", title: "Express", description: "By noon" } } },
      text("Express"),
    ],
    [
      "interactive",
      {
        interactive: {
          type: "nfm_reply",
          nfm_reply: { name: "flow", body: "Sent", response_json: '{"flow_token":"t","size":"M","count":2,"gift":true}' },
        },
      },
      text("📋 Form: size: M; count: 2; gift: true"),
    ],
    ["interactive", { interactive: { type: "nfm_reply", nfm_reply: { body: "Sent", response_json: "{" } } }, text("Sent")],
    ["interactive", {}, text("[Unreadable interactive message]")],
    [
      "location",
      { location: { latitude: 52.52, longitude: 13.405, name: "Office", address: "Main Street 1" } },
      text("📍 Location: Office, Main Street 1 (52.52, 13.405)"),
    ],
    ["location", { location: { latitude: 0, longitude: 0 } }, text("📍 Location: 0, 0")],
    ["location", { location: null }, text("[Unreadable location message]")],
    [
      "contacts",
      {
        contacts: [
          { name: { formatted_name: "Omar" }, phones: [{ phone: "+49 151" }], emails: [{ email: "omar@example.com" }] },
          { name: { first_name: "Lea" } },
        ],
      },
      text("👤 Contact: Omar, +49 151, omar@example.com; Lea"),
    ],
    [
      "order",
      {
        order: {
          text: "Quickly!",
          product_items: [
            { product_retailer_id: "sku-1", quantity: 2, item_price: 9.5, currency: "EUR" },
            { product_retailer_id: "sku-2" },
          ],
        },
      },
      text("🛒 Order: 2 × sku-1 (9.5 EUR); 1 × sku-2; Quickly!"),
    ],
    ["unsupported", { errors: [{ code: 131051 }] }, text("[Unsupported message]")],
    ["poll_2031", { poll_2031: {} }, text("[Unsupported message: poll_2031]")],
    ["constructor", {}, text("[Unsupported message: constructor]")],
    ["image", { image: { id: "m1", caption: "The box" } }, { type: "media", media_type: "image", url: null, caption: "The box" }],
    [
      "image",
      { image: { id: "m1", url: "https://media.example/m1" } },
      { type: "media", media_type: "image", url: "https://media.example/m1", caption: null },
    ],
    [
      "video",
      { video: { id: "m1", link: "https://media.example/m1" } },
      { type: "media", media_type: "video", url: "https://media.example/m1", caption: null },
    ],
    ["audio", { audio: { id: "m1", voice: true } }, { type: "media", media_type: "audio", url: null, caption: null }],
    ["voice", { voice: { id: "m1" } }, { type: "media", media_type: "audio", url: null, caption: null }],
    [
      "document",
      { document: { id: "m1", filename: "a.pdf", url: "javascript:0" } },
      { type: "media", media_type: "document", url: null, caption: null },
    ],
    ["sticker", { sticker: { id: "m1", animated: true } }, { type: "media", media_type: "sticker", url: null, caption: null }],
    ["reaction", { reaction: { message_id: "wamid.x", emoji: "👍" } }, text("Reacted with 👍")],
  ])("of type %s %j reads as %j", (type, part, content) => {
    expect(theOnly(written({ type, ...part }))).toMatchObject({ kind: "message", content });
  });

  test("that came by an advertisement is the message alone", () => {
    const referral = { source_type: "ad", headline: "Buy now", source_url: "https://ad.example" };
    expect(theOnly(written({ type: "text", text: { body: "How much?" }, referral }))).toMatchObject({
      kind: "message",
      content: text("How much?"),
    });
  });

  test("longer than a message can be is cut", () => {
    const event = theOnly(written({ type: "text", text: { body: "😀".repeat(3000) } }));
    expect(event.kind === "message" && Content.safeParse(event.content).success).toBe(true);
  });
});

describe("what nobody said is ignored, with a reason", () => {
  test.each<[string, object, string]>([
    ["reaction", { reaction: { message_id: "wamid.x", emoji: "" } }, "a reaction was taken back"],
    ["reaction", { reaction: { message_id: "wamid.x" } }, "a reaction was taken back"],
    ["revoke", { revoke: {} }, "revoke: it does not say of what, or to what"],
    ["edit", { edit: { original_message_id: "wamid.x" } }, "edit: it does not say of what, or to what"],
    ["edit", { edit: { message: { type: "text", text: { body: "New" } } } }, "edit: it does not say of what, or to what"],
    ["system", { system: { type: "customer_identity_changed" } }, "WhatsApp's own note: nothing that is kept here changed"],
    ["system", { system: { type: "user_changed_number", wa_id: mona.wa_id } }, "WhatsApp's own note: nothing that is kept here changed"],
    ["request_welcome", {}, "a chat was opened, nothing was said"],
    ["text", { text: { body: "To all" }, group_id: "g1" }, "groups are not served here"],
  ])("%s", (type, part, why) => {
    expect(theOnly(written({ type, ...part }))).toMatchObject({
      kind: "ignored",
      why,
      dedupe_key: `${type}:wamid.in1`,
      account_id: "number-7",
      occurred_at,
    });
  });

  test.each<[string, object, string]>([
    ["without an id", { id: null, type: "text" }, "a message without an id"],
    ["without a type", {}, "a message without a type"],
  ])("a message %s", (_, part, why) => {
    expect(theOnly(written(part))).toMatchObject({ kind: "ignored", why });
  });

  test("a message from nobody", () => {
    expect(theOnly(callback({ messages: [{ id: "wamid.x", type: "text", text: { body: "?" } }] }))).toMatchObject({
      why: "a message that names nobody",
    });
  });

  test.each<[string, unknown, string]>([
    ["a group", callback({ groups: [{ group_id: "g1" }] }, "group_lifecycle_update"), "group_lifecycle_update: of no effect here"],
    ["a new user id of nobody", callback({ user_id_update: [{}] }, "user_id_update"), "user_id_update: it names no two ids"],
    ["an error of Meta's", callback({ errors: [{ code: 131000, title: "Went wrong" }] }), "messages: of no effect here; Went wrong"],
    ["an entry without changes", { entry: [{ id: "waba-7" }] }, "a callback without changes: of no effect here"],
    ["an entry that is none", { entry: [7] }, "a callback without changes: of no effect here"],
    ["a body without entries", {}, "nothing in it is known here"],
    ["a list", [], "nothing in it is known here"],
  ])("%s", (_, body, why) => {
    expect(theOnly(body)).toMatchObject({ kind: "ignored", why });
  });

  test("a template's update is of the business account, and the same one later is another", () => {
    const update = (time: number) => ({
      entry: [{ id: "waba-7", time, changes: [{ field: "message_template_status_update", value: { event: "APPROVED" } }] }],
    });
    const [first, again, later] = [theOnly(update(1795342500)), theOnly(update(1795342500)), theOnly(update(1795342501))];
    expect(first).toMatchObject({ kind: "ignored", account_id: "waba-7", occurred_at });
    expect(again.dedupe_key).toBe(first.dedupe_key);
    expect(later.dedupe_key).not.toBe(first.dedupe_key);
  });
});

describe("a status", () => {
  test.each([
    ["sent", "sent"],
    ["delivered", "delivered"],
    ["read", "read"],
    ["played", "read"],
  ])("%s is %s, and names our own message", (said, status) => {
    expect(theOnly(told({ status: said, biz_opaque_callback_data: our_id }))).toMatchObject({
      kind: "status",
      dedupe_key: `wamid.out1+${said}+${at}`,
      external_id: "wamid.out1",
      account_id: "number-7",
      occurred_at,
      status,
      error: null,
      message_id: our_id,
    });
  });

  test.each([["somebody else's"], ["msg_"], ["msg_UPPERCASE0000000000000000"], [`conv_${our_id.slice(4)}`], [7], [null]])(
    "that carries %j names no message of ours",
    (biz_opaque_callback_data) => {
      expect(theOnly(told({ status: "sent", biz_opaque_callback_data }))).toMatchObject({ kind: "status", message_id: null });
    },
  );

  test("that failed says why, in the same words as a refused send", () => {
    const errors = [
      { code: 131047, title: "Re-engagement message", message: "Re-engagement message", error_data: { details: "A day has passed." } },
    ];
    expect(theOnly(told({ status: "failed", errors }))).toMatchObject({
      kind: "status",
      status: "failed",
      error: { code: "messaging_window_closed", detail: "Re-engagement message: A day has passed.", provider_code: "131047" },
    });
    expect(theOnly(told({ status: "failed" }))).toMatchObject({ status: "failed", error: { code: "provider_error", provider_code: null } });
  });

  test("that nobody knows is ignored", () => {
    expect(theOnly(told({ status: "warming_up" }))).toMatchObject({ kind: "ignored", why: 'the status "warming_up" is not known here' });
    expect(theOnly(told({}))).toMatchObject({ kind: "ignored" });
    expect(theOnly(told({ id: null, status: "sent" }))).toMatchObject({ kind: "ignored", why: "a status without a message's id" });
  });
});

describe("an echo", () => {
  test("is a message the business wrote in WhatsApp's own app", () => {
    expect(theOnly(echoed({ type: "text", text: { body: "On its way" }, to_user_id: "DE.7001" }))).toEqual({
      kind: "echo",
      dedupe_key: "echo:wamid.own1",
      external_id: "wamid.own1",
      account_id: "number-7",
      occurred_at,
      to: [
        { kind: "phone", value: "4915110000001" },
        { kind: "whatsapp_user", value: "DE.7001" },
      ],
      content: { type: "text", text: "On its way" },
      message_id: null,
      raw: expect.objectContaining({ id: "wamid.own1" }) as unknown,
    });
  });

  test("of an edit or a deletion revises the message it names, and does not take the place of its own", () => {
    const edit = { type: "edit", edit: { original_message_id: "wamid.own0", message: { type: "text", text: { body: "Tomorrow" } } } };
    expect(theOnly(echoed(edit))).toMatchObject({
      kind: "revision",
      dedupe_key: "echo:edit:wamid.own1",
      external_id: "wamid.own0",
      content: { type: "text", text: "Tomorrow" },
    });
    expect(theOnly(echoed({ type: "revoke", revoke: { original_message_id: "wamid.own0" } }))).toMatchObject({
      kind: "revision",
      dedupe_key: "echo:revoke:wamid.own1",
      content: null,
    });
  });
});

describe("a revision", () => {
  test("names the message and what it says now; a deletion says nothing", () => {
    const edit = { original_message_id: "wamid.in0", message: { type: "image", image: { id: "m1", caption: "Better" } } };
    expect(theOnly(written({ type: "edit", edit }))).toMatchObject({
      kind: "revision",
      dedupe_key: "edit:wamid.in1",
      external_id: "wamid.in0",
      occurred_at,
      content: { type: "media", media_type: "image", url: null, caption: "Better" },
    });
    expect(theOnly(written({ type: "revoke", revoke: { original_message_id: "wamid.in0" } }))).toMatchObject({
      kind: "revision",
      dedupe_key: "revoke:wamid.in1",
      external_id: "wamid.in0",
      content: null,
    });
  });
});

describe("a renaming", () => {
  test("is a customer's new number, with the user id that came with it", () => {
    const system = { type: "user_changed_number", body: "Mona changed", wa_id: "4915110000009", user_id: "DE.7009" };
    expect(theOnly(callback({ messages: [{ from: mona.wa_id, id: "wamid.s1", timestamp: at, type: "system", system }] }))).toMatchObject({
      kind: "renaming",
      dedupe_key: "system:wamid.s1",
      occurred_at,
      previous: [{ kind: "phone", value: mona.wa_id }],
      current: [
        { kind: "phone", value: "4915110000009" },
        { kind: "whatsapp_user", value: "DE.7009" },
      ],
    });
  });

  test("is a user id given anew", () => {
    const update = { wa_id: mona.wa_id, user_id: { previous: "DE.7001", current: "DE.7002" }, timestamp: at };
    expect(theOnly(callback({ user_id_update: [update] }, "user_id_update"))).toMatchObject({
      kind: "renaming",
      account_id: "number-7",
      occurred_at,
      previous: [
        { kind: "phone", value: mona.wa_id },
        { kind: "whatsapp_user", value: "DE.7001" },
      ],
      current: [
        { kind: "phone", value: mona.wa_id },
        { kind: "whatsapp_user", value: "DE.7002" },
      ],
    });
  });

  const user = (value: string) => ({ kind: "whatsapp_user" as const, value });
  const phone = (value: string) => ({ kind: "phone" as const, value });
  test.each([
    ["names both ids", {}, { previous_user_id: "DE.7001", user_id: "DE.7002" }, [user("DE.7001")], [user("DE.7002")]],
    ["is from the former id", { from_user_id: "DE.7001" }, { user_id: "DE.7002" }, [user("DE.7001")], [user("DE.7002")]],
    [
      "is from the new id",
      { from_user_id: "DE.7002" },
      { previous_user_id: "DE.7001", user_id: "DE.7002" },
      [user("DE.7001")],
      [user("DE.7002")],
    ],
    [
      "names numbers and ids",
      { from: mona.wa_id },
      { wa_id: "4915110000009", previous_user_id: "DE.7001", user_id: "DE.7009" },
      [phone(mona.wa_id), user("DE.7001")],
      [phone("4915110000009"), user("DE.7009")],
    ],
  ])("of WhatsApp's own note %s", (_, sender, system, previous, current) => {
    const note = { ...sender, id: "wamid.s2", timestamp: at, type: "system", system: { type: "user_changed_user_id", ...system } };
    expect(theOnly(callback({ messages: [note] }))).toMatchObject({ kind: "renaming", occurred_at, previous, current });
  });
});

describe("a call", () => {
  const called = (call: object) => callback({ contacts: [mona], calls: [{ id: "wacid.1", timestamp: at, ...call }] }, "calls");

  test("of a customer is told by its beginning, with who they are", () => {
    const call = { from: mona.wa_id, event: "connect", direction: "USER_INITIATED" };
    expect(theOnly(called(call))).toMatchObject({
      kind: "called",
      dedupe_key: "call:wacid.1",
      account_id: "number-7",
      occurred_at,
      from: [
        { kind: "phone", value: mona.wa_id },
        { kind: "whatsapp_user", value: "DE.7001" },
      ],
      name: "Mona",
    });
  });

  test.each([
    ["its end", { from: mona.wa_id, event: "terminate", direction: "USER_INITIATED" }],
    ["one of our own", { from: "4912345", event: "connect", direction: "BUSINESS_INITIATED" }],
    ["one that says not whose", { from: mona.wa_id, event: "connect" }],
    ["one without an id", { id: null, from: mona.wa_id, event: "connect", direction: "USER_INITIATED" }],
  ])("is nothing where it is %s", (_, call) => {
    expect(theOnly(called(call))).toMatchObject({ kind: "ignored", why: "calls: of no effect here" });
  });
});

describe("one introduction", () => {
  const from = (sender: object, id: string) => ({ ...sender, id, timestamp: at, type: "text", text: { body: "Hi" } });
  const people = (body: unknown) =>
    parse(body).map((event) => event.kind === "message" && [event.name, event.from.map(({ value }) => value)]);

  test("beside one sender belongs to them, however the number is spelt", () => {
    const messages = [from({ from: "49151010000001" }, "wamid.a"), from({ from: "49151010000001" }, "wamid.b")];
    const both = ["Mona", ["49151010000001", "DE.7001"]];
    expect(people(callback({ contacts: [mona], messages }))).toEqual([both, both]);
  });

  test("beside two senders belongs to the one it names, or to nobody", () => {
    const messages = [from({ from: mona.wa_id }, "wamid.a"), from({ from: "4915110000002" }, "wamid.b")];
    expect(people(callback({ contacts: [mona], messages }))).toEqual([
      ["Mona", [mona.wa_id, "DE.7001"]],
      [null, ["4915110000002"]],
    ]);
  });

  test("is not of a sender who shows another id", () => {
    const messages = [from({ from: mona.wa_id, from_user_id: "DE.7002" }, "wamid.a")];
    expect(people(callback({ contacts: [mona], messages }))).toEqual([[null, [mona.wa_id, "DE.7002"]]]);
  });
});

test("an id that is a number, and too large to be exact, is nobody's", () => {
  const body = JSON.stringify(
    callback({ messages: [{ from: "N", from_user_id: "N", id: "wamid.n", type: "text", text: { body: "Hi" } }] }),
  );
  const events = whatsapp.parse(new TextEncoder().encode(body.replaceAll('"N"', "12345678901234567890")), received_at);
  expect(events).toMatchObject([{ kind: "ignored", why: "a message that names nobody" }]);
});

describe("a crowd in one callback", () => {
  const crowd = (messages: number, contacts: number) =>
    callback({
      contacts: Array.from({ length: contacts }, (_, n) => ({ wa_id: `a${n}` })),
      messages: Array.from({ length: messages }, (_, n) => ({
        from: `1555${1000000 + n}`,
        id: `w${n}`,
        type: "text",
        text: { body: "x" },
      })),
    });

  test("is read in the time of its length", () => {
    const began = performance.now();
    expect(parse(crowd(4000, 60_000))).toHaveLength(4000);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test("is taken in up to a limit, and the rest recorded once", () => {
    const events = parse(crowd(5003, 1));
    expect(events).toHaveLength(5001);
    expect(events.at(-1)).toMatchObject({ kind: "ignored", why: "3 events more than a callback may have" });
  });
});

test("everything in one callback is told, each once", () => {
  const one = written({ type: "text", text: { body: "Hi" } });
  const other = told({ status: "read" });
  const batch = { ...one, entry: [...one.entry, ...other.entry, ...callback({}, "calls").entry] };
  expect(parse(batch).map((event) => event.kind)).toEqual(["message", "status", "ignored"]);
});

describe("garbage", () => {
  const fixtures = [
    written({ type: "text", text: { body: "Hi" } }),
    written({ type: "image", image: { id: "m1", caption: "c", url: "https://media.example" } }),
    written({ type: "interactive", interactive: { nfm_reply: { response_json: '{"a":{"b":1}}' } } }),
    written({ type: "location", location: { latitude: 1, longitude: 2, name: "n" } }),
    written({ type: "contacts", contacts: [{ name: { formatted_name: "n" }, phones: [{ phone: "1" }] }] }),
    written({ type: "order", order: { product_items: [{ product_retailer_id: "s", quantity: 1 }] } }),
    told({ status: "failed", errors: [{ code: 1, title: "t", error_data: { details: "d" } }], biz_opaque_callback_data: our_id }),
    echoed({ type: "text", text: { body: "Hi" } }),
    callback({ errors: [{ code: 1 }] }, "calls"),
    callback({ contacts: [mona], calls: [{ id: "c1", from: mona.wa_id, event: "connect", direction: "USER_INITIATED" }] }, "calls"),
    written({ type: "edit", edit: { original_message_id: "wamid.x", message: { type: "text", text: { body: "Hi" } } } }),
    written({ type: "reaction", reaction: { message_id: "wamid.x", emoji: "👍" } }),
    written({ type: "system", system: { wa_id: "4915110000009", user_id: "DE.7009" } }),
    callback({ user_id_update: [{ user_id: { previous: "DE.1", current: "DE.2" }, timestamp: at }] }, "user_id_update"),
  ];

  test("of any shape becomes events that can be stored", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => expectStorable(parse(value))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => expectStorable(whatsapp.parse(raw, received_at))));
  });

  test("in the place of any part of a callback does no harm", () => {
    fc.assert(
      fc.property(mutated(fixtures), (body) => expectStorable(parse(body))),
      { numRuns: 2000 },
    );
  });

  recordedTest("in the place of any part of a recorded callback does no harm", () => {
    const recordings = recorded("whatsapp/inbound").map(({ raw }) => JSON.parse(new TextDecoder().decode(raw)) as unknown);
    fc.assert(
      fc.property(mutated(recordings), (body) => expectStorable(parse(body))),
      { numRuns: 2000 },
    );
  });

  test("in a form's answers does no harm", () => {
    const deep = "[".repeat(50_000) + "]".repeat(50_000);
    const answers = [deep, `{"a":${deep}}`, '{"a":"\\u0000\\ud800"}', '"text"', "7", "null", "[1]", '{"__proto__":1}'];
    for (const response_json of answers)
      expectStorable(parse(written({ type: "interactive", interactive: { nfm_reply: { response_json } } })));
  });
});

const expected: Record<string, InboundEvent["kind"][]> = {
  "botpress-bsuid-status-delivered": ["status"],
  "botpress-bsuid-username-only-text": ["message"],
  "openapi-contact-sharing-message": ["message"],
  "openapi-group-create-message": ["ignored"],
  "openapi-group-remove-participants": ["ignored"],
  "openapi-image-message": ["message"],
  "openapi-interactive-button-reply-message": ["message"],
  "openapi-interactive-list-reply-message": ["message"],
  "openapi-location-message": ["message"],
  "openapi-order-message": ["message"],
  "openapi-reaction-message": ["message"],
  "openapi-system-message": ["renaming"],
  "openapi-text-message-from-click-to-whatsapp-ad": ["message"],
  "openapi-text-message-with-context-product-inquiry": ["message"],
  "openapi-unsupported-message": ["message"],
  "pywa-call-connect-user-initiated": ["called"],
  "pywa-call-terminate-call-terminate": ["ignored"],
  "pywa-callback-button-button": ["message"],
  "pywa-callback-button-quick-reply": ["message"],
  "pywa-callback-button-quick-reply-without-context": ["message"],
  "pywa-callback-selection-description": ["message"],
  "pywa-deleted-message-revoke": ["revision"],
  "pywa-message-animated-sticker": ["message"],
  "pywa-message-audio": ["message"],
  "pywa-message-chosen-location": ["message"],
  "pywa-message-current-location": ["message"],
  "pywa-message-document": ["message"],
  "pywa-message-forwarded": ["message"],
  "pywa-message-image": ["message"],
  "pywa-message-interactive-message-with-err": ["message"],
  "pywa-message-media-with-url": ["message"],
  "pywa-message-reaction": ["message"],
  "pywa-message-static-sticker": ["message"],
  "pywa-message-status-delivered": ["status"],
  "pywa-message-status-played": ["status"],
  "pywa-message-status-sent": ["status"],
  "pywa-message-text": ["message"],
  "pywa-message-unreaction-empty": ["ignored"],
  "pywa-message-video": ["message"],
  "pywa-message-voice": ["message"],
  "pywa-outgoing-message-delete": ["revision"],
  "pywa-outgoing-message-edit": ["revision"],
  "pywa-outgoing-message-text": ["echo"],
  "pywa-system-identity-change": ["ignored"],
  "pywa-system-phone-number-change": ["renaming"],
  "pywa-template-quality-update-yellow": ["template"],
  "pywa-template-status-update-rejected": ["template"],
  "vercel-replay-first-message": ["message"],
  "vercel-sample-bsuid-rotation-user-id-update": ["renaming"],
  "vercel-sample-reaction": ["message"],
  "vercel-sample-status-update-message-delivered": ["status"],
  "vercel-sample-system-message-user-changed-number": ["renaming"],
  "vercel-sample-system-message-user-changed-user-id": ["ignored"],
  "vercel-sample-text-message": ["message"],
};

describe("every recorded callback", () => {
  recordedTest("becomes what is expected of it, and can be stored", () => {
    const events = recorded("whatsapp/inbound").map(({ name, raw }) => [name, whatsapp.parse(raw, received_at)] as const);
    expect(Object.fromEntries(events.map(([name, found]) => [name, found.map((event) => event.kind)]))).toEqual(expected);
    for (const [, found] of events) expectStorable(found);
  });

  recordedTest("keeps the provider's own time and account", () => {
    for (const { name, raw } of recorded("whatsapp/inbound")) {
      for (const event of whatsapp.parse(raw, received_at)) {
        expect(event.account_id, name).not.toBe("");
        if (event.kind !== "ignored") expect(event.occurred_at < received_at, name).toBe(true);
      }
    }
  });

  recordedTest("that has readable content shows it", () => {
    const unreadable = recorded("whatsapp/inbound").filter(({ raw }) =>
      whatsapp
        .parse(raw, received_at)
        .some((event) => event.kind === "message" && event.content.type === "text" && event.content.text.startsWith("[")),
    );
    expect(unreadable.map(({ name }) => name)).toEqual(["openapi-unsupported-message", "pywa-message-interactive-message-with-err"]);
  });
});
