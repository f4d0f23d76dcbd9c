import { describe, expect, test } from "vitest";
import type { Contact } from "../../src/contacts/contract.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { mine } from "../../src/db/mine.ts";
import { messages } from "../../src/messages/tables.ts";
import { message_words } from "../../src/search/tables.ts";
import type { Ticket } from "../../src/tickets/contract.ts";
import { changeOf, createWhatsApp, freshNumber } from "../support/channels.ts";
import { rowsOf } from "../support/rows.ts";
import type { Page } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const param = encodeURIComponent;
const search = async <T>(tenant: Tenant, of: string, q: string, more = "") =>
  (await tenant.get<Page<T> & { total_count?: number }>(`/v1/${of}?q=${param(q)}${more}`)).body;

async function withTenant() {
  const world = await createWorld();
  return { world, tenant: await world.tenant() };
}

/** Whether a text is found by what somebody types, in a ticket that says it and nothing else. */
async function withTicket(subject: string) {
  const { tenant } = await withTenant();
  await tenant.post("/v1/tickets", { subject });
  await tenant.post("/v1/tickets", { subject: "Something else altogether" });
  return {
    isFoundBy: async (q: string) => (await search<Ticket>(tenant, "tickets", q)).data.map((ticket) => ticket.subject).join() === subject,
  };
}

describe("the same word", () => {
  test.for<[text: string, found_by: string[], not_by: string[]]>([
    [
      "Élodie a demandé une reçu à l’Œuvre",
      ["elodie", "ÉLODIE", "recu", "oeuvre", "l'oeuvre", "demande", "E\u0301lodie"],
      ["elodia", "euvre"],
    ],
    ["Straße in Łódź", ["strasse", "STRASSE", "lodz"], []],
    ["The Refund of A-1007", ["refund", "REF", "a-1007", "1007 refund", "the ref"], ["fund", "a-1008"]],
    ["والطَّلَبـــات إلى آخِرِ المَكتبةِ", ["الطلبات", "طلبات", "طلب", "الى", "اخر", "مكتبه", "المكتبة", "المكتب", "وال"], ["كتب", "لبات"]],
    ["طلب استرجاع", ["الطلب", "والطلب", "للطلب", "أسترجاع", "استرجا"], ["ترجاع"]],
    ["أين الرد على مستشفى لبنى؟", ["رد", "الرد", "اين", "مستشفي", "لبني"], []],
    ["رقم الطلب ٤٥٧٨", ["4578", "٤٥٧٨", "457"], ["578"]],
    ["کتاب برای شما", ["كتاب", "براي"], []],
    [
      "Write to lina.haddad@shop.example",
      ["lina.haddad@shop.example", "LINA.HADDAD@SHOP", "haddad", "shop.ex", "@shop.example"],
      ["lina@haddad.shop2"],
    ],
    ["Thank you 👩‍👩‍👧🌷", ["thank 🌷 you"], []],
  ])("%s", async ([text, found_by, not_by]) => {
    const { isFoundBy } = await withTicket(text);
    for (const q of found_by) expect([q, await isFoundBy(q)]).toEqual([q, true]);
    for (const q of not_by) expect([q, await isFoundBy(q)]).toEqual([q, false]);
  });

  test("of a phone number is any of its last digits, however they are grouped", async () => {
    const { tenant } = await withTenant();
    const { contact_id } = await tenant.hears("Hello", { from: "+96170101001" });
    await tenant.hears("Hello", { from: "+15550107777" });
    for (const q of [
      "+96170101001",
      "96170101001",
      "0096170101001",
      "+961 70 101 001",
      "(+961) 70-101-001",
      "70101001",
      "070 101 001",
      "70 101",
      "101001",
      "1001",
      "٧٠١٠١٠٠١",
      "sara 70101001",
      "70 101 001 sara",
    ])
      expect([q, (await search<Contact>(tenant, "contacts", q)).data.map(({ id }) => id)]).toEqual([q, [contact_id]]);
    for (const q of ["70101002", "701010012", "001", "000000"]) expect([q, (await search(tenant, "contacts", q)).data]).toEqual([q, []]);
  });

  test("in a text is a number that was grouped otherwise", async () => {
    const { isFoundBy } = await withTicket("Call me at 03 / 123 456, order 7 of 12");
    for (const q of ["03123456", "3123456", "123456", "03 123 456", "7 12", "12 7"]) expect([q, await isFoundBy(q)]).toEqual([q, true]);
  });

  test("but of the last one the whole is wanted", async () => {
    const { isFoundBy } = await withTicket("Delivery refused");
    expect([await isFoundBy("deliv"), await isFoundBy("deliv refused"), await isFoundBy("delivery ref")]).toEqual([true, false, true]);
  });

  test("however long, is cut alike", async () => {
    const { isFoundBy } = await withTicket("س".repeat(200));
    expect([await isFoundBy("س".repeat(200)), await isFoundBy("س".repeat(30))]).toEqual([true, true]);
  });
});

describe("a conversation is found", () => {
  async function withConversations() {
    const { world, tenant } = await withTenant();
    const sara = await tenant.hears("Where is my parcel?", { name: "سارة حداد" });
    const omar = await tenant.hears("I paid twice", { name: "Omar Khalil" });
    await tenant.post(`/v1/conversations/${omar.id}/messages`, { content: { type: "text", text: "The refund is on its way" } });
    const image = { type: "media", media_type: "image", url: "https://example.com/a.png", caption: "Votre reçu" };
    await tenant.post(`/v1/conversations/${sara.id}/messages`, { content: image });
    await tenant.patch(`/v1/conversations/${sara.id}`, { subject: "Lost in Beirut" });
    const found = async (q: string, more = "") => (await search<Conversation>(tenant, "conversations", q, more)).data.map(({ id }) => id);
    return { world, tenant, sara, omar, found };
  }

  test("by what was said in it, its subject, and whoever it is with; each word wherever it is", async () => {
    const { sara, omar, found } = await withConversations();
    expect(await found("parcel")).toEqual([sara.id]);
    expect(await found("recu")).toEqual([sara.id]);
    expect(await found("beirut")).toEqual([sara.id]);
    expect(await found("ساره")).toEqual([sara.id]);
    expect(await found(sara.from.slice(-9))).toEqual([sara.id]);
    expect(await found("refund")).toEqual([omar.id]);
    expect(await found("omar refund twice")).toEqual([omar.id]);
    expect(await found("حداد beirut parc")).toEqual([sara.id]);
    expect(await found("omar parcel")).toEqual([]);
    expect(await found("is")).toEqual([sara.id, omar.id]);
  });

  test("among those that the other filters leave", async () => {
    const { tenant, sara, omar, found } = await withConversations();
    await tenant.post(`/v1/conversations/${omar.id}/close`);
    expect(await found("is", "&status=resolved")).toEqual([omar.id]);
    expect(await found("is", `&contact_id=${sara.contact_id}`)).toEqual([sara.id]);
    expect(await found("is", "&channel=instagram")).toEqual([]);
  });

  test("by a message as it reads now, not as it read before, and not at all when it is withdrawn", async () => {
    const { world, tenant } = await withTenant();
    const whatsapp = await createWhatsApp(world, tenant);
    const wa_id = freshNumber();
    await whatsapp.hears("My order is A-1007", { wa_id, id: "wamid.said" });
    const revise = (part: object, nth: number) =>
      whatsapp.tell(
        changeOf(whatsapp.account_id, { messages: [{ from: wa_id, id: `wamid.revision.${nth}`, timestamp: `176380655${nth}`, ...part }] }),
      );
    const found = async (q: string) => (await search<Conversation>(tenant, "conversations", q)).data.length;
    expect([await found("1007"), await found("1008")]).toEqual([1, 0]);
    const text = { type: "text", text: { body: "My order is A-1008" } };
    await revise({ type: "edit", edit: { original_message_id: "wamid.said", message: text } }, 1);
    expect([await found("1007"), await found("1008")]).toEqual([0, 1]);
    await revise({ type: "revoke", revoke: { original_message_id: "wamid.said" } }, 2);
    expect([await found("1007"), await found("1008"), await found("order")]).toEqual([0, 0, 0]);
  });

  test("no more by the name of whoever was deleted; what they said stays", async () => {
    const { tenant, omar, found } = await withConversations();
    await tenant.delete(`/v1/contacts/${omar.contact_id}`);
    expect(await found("khalil")).toEqual([]);
    expect(await found("twice")).toEqual([omar.id]);
  });

  test("in pages that keep to the search, each once, with their number for whoever asks", async () => {
    const { tenant } = await withTenant();
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await tenant.hears(`Parcel ${n}`)).id);
    await tenant.hears("Nothing of the kind");
    const first = await search<Conversation>(tenant, "conversations", "parcel", "&limit=2&include_total=true");
    expect([first.data.map(({ id }) => id), first.total_count]).toEqual([ids.slice(0, 2), 5]);
    const cursor = param(first.next_cursor!);
    const second = await search<Conversation>(tenant, "conversations", "parcel", `&limit=100&cursor=${cursor}`);
    expect(second.data.map(({ id }) => id)).toEqual(ids.slice(2));
    for (const path of [`/v1/conversations?cursor=${cursor}`, `/v1/conversations?q=parcels&cursor=${cursor}`])
      expect((await tenant.get(path)).body).toMatchObject({ code: "invalid_cursor" });
    const oldest = await search<Conversation>(tenant, "conversations", "parcel", "&sort=created_at");
    expect(oldest.data.map(({ id }) => id)).toEqual(ids.toReversed());
  });
});

test("a contact is found by name, external id and what channels know them by, each word wherever it is", async () => {
  const { tenant } = await withTenant();
  const { body } = await tenant.post<Contact>("/v1/contacts", {
    name: "Élodie Marchand",
    external_id: "customer-1007",
    identities: [
      { kind: "phone", value: "+3225550106" },
      { kind: "instagram_user", value: "elodie.m" },
    ],
  });
  await tenant.post("/v1/contacts", { name: "Élodie Petit" });
  const found = async (q: string) => (await search<Contact>(tenant, "contacts", q)).data.map(({ id }) => id);
  for (const q of ["marchand", "elodie march", "customer-1007", "1007", "elodie 25550106", "marchand customer 3225550106", "elodie.m"])
    expect([q, await found(q)]).toEqual([q, [body.id]]);
  expect(await found("elodie")).toHaveLength(2);
  expect(await found("marchand petit")).toEqual([]);

  await tenant.patch(`/v1/contacts/${body.id}`, { name: "Élodie Durand", identities: [] });
  expect([await found("marchand"), await found("25550106"), await found("durand")]).toEqual([[], [], [body.id]]);
  await tenant.delete(`/v1/contacts/${body.id}`);
  expect(await found("durand")).toEqual([]);
});

test("a ticket is found by its number, subject and description", async () => {
  const { tenant } = await withTenant();
  for (const [subject, description] of [
    ["Refund", "دفعت مرتين"],
    ["Lost parcel", "Since Monday"],
  ])
    await tenant.post("/v1/tickets", { subject, description });
  const found = async (q: string) => (await search<Ticket>(tenant, "tickets", q)).data.map(({ number }) => number);
  expect([await found("refund مرتين"), await found("parcel mon"), await found("#2"), await found("refund monday")]).toEqual([
    [1],
    [2],
    [2],
    [],
  ]);
});

test("nobody finds another workspace's", async () => {
  const { world, tenant } = await withTenant();
  const neighbour = await world.tenant();
  await tenant.hears("Parcel", { name: "Sara", from: "+96170101002" });
  await tenant.post("/v1/tickets", { subject: "Parcel" });
  for (const of of ["conversations", "contacts", "tickets"])
    for (const q of ["parcel", "sara", "70101002"]) expect((await search(neighbour, of, q)).data).toEqual([]);
});

describe.each(["conversations", "contacts", "tickets"])("a search of %s", (of) => {
  test.each<[string, string, string]>([
    ["nothing", "", "too_small"],
    ["blanks", "  ", "too_small"],
    ["punctuation", "!?&|<->:*()'\"\\", "too_small"],
    ["a flower", "🌷", "too_small"],
    ["201 characters", "x".repeat(201), "too_large"],
    ["ten kilobytes", "x ".repeat(5000), "too_large"],
    ["a null character", "a\0b", "invalid_characters"],
  ])("for %s is refused by name", async (_, q, code) => {
    const { tenant } = await withTenant();
    const { status, body } = await tenant.get<Problem>(`/v1/${of}?q=${param(q)}`);
    expect([status, body.errors?.map((fault) => `${fault.pointer} ${fault.code}`)]).toEqual([400, [`/q ${code}`]]);
  });

  test.each([
    "a & b | !c",
    "'a' <-> 'b':*",
    "a:*B & (b",
    "x'); drop table messages; --",
    "$1 %s ${q}",
    "a\u200fb\u202ec",
    "ـ ـ a",
    "ًٌٍ 1",
    "ⅷ ﷺ ﬁ ½",
    "日本語のテキスト",
    "0000000000000000000",
    "1 ".repeat(100).trim(),
    "9".repeat(200),
    "a".repeat(200),
    "\u{10ffff}a",
    "ﷺ".repeat(200),
  ])("for %j is answered", async (q) => {
    const { tenant } = await withTenant();
    await tenant.hears("Hello");
    await tenant.post("/v1/tickets", { subject: "Hello" });
    expect((await tenant.get(`/v1/${of}?q=${param(q)}`)).status).toBe(200);
  });

  test("twice is refused", async () => {
    const { tenant } = await withTenant();
    expect((await tenant.get(`/v1/${of}?q=a&q=b`)).status).toBe(400);
  });
});

test("words are those of messages that there are: one that is taken out of its table takes them along", async () => {
  const { tenant } = await withTenant();
  await tenant.hears("One");
  await tenant.hears("Two");
  expect(await rowsOf(tenant, message_words)).toHaveLength(2);
  await tenant.ctx.db.delete(messages).where(mine(tenant.ctx, messages));
  expect(await rowsOf(tenant, message_words)).toEqual([]);
});

test("what people write may be as absurd as it likes: it is stored, and found where it has words", async () => {
  const { tenant } = await withTenant();
  const texts = [
    "x".repeat(5000),
    "a\\'b ' :* & |",
    "ﷺ".repeat(1500),
    "1".repeat(4000),
    "👩‍👩‍👧".repeat(300),
    "12345678 ".repeat(500),
    "\u{10ffff}",
  ];
  for (const text of texts) await tenant.hears(text);
  expect((await search(tenant, "conversations", "1234", "&include_total=true")).total_count).toBe(1);
  expect((await search(tenant, "conversations", "x".repeat(100))).data).toHaveLength(1);
});
