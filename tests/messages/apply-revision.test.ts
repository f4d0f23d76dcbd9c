import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message } from "../../src/messages/contract.ts";
import { judgeRevision } from "../../src/messages/judge-revision.ts";
import type { MessageRow } from "../../src/messages/present.ts";
import { messages } from "../../src/messages/tables.ts";
import { after, seconds } from "../../src/core/time.ts";
import { breakable } from "../support/breakable-db.ts";
import { changeOf, createMessaging, createWhatsApp, entryOf, freshNumber, saying } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { countsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type World } from "../support/world.ts";

async function withWhatsApp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, whatsapp: await createWhatsApp(world, tenant), wa_id: freshNumber() };
}

const edited = (body: string) => ({ type: "edit", edit: { original_message_id: "wamid.said", message: { type: "text", text: { body } } } });
const revoked = { type: "revoke", revoke: { original_message_id: "wamid.said" } };
let told = 0;
const revising = (world: World, account_id: string, wa_id: string, part: object, later = 0) =>
  changeOf(account_id, {
    messages: [
      { from: wa_id, id: `wamid.revision.${told++}`, timestamp: String(Math.floor(Date.parse(world.now()) / 1000) - 60 + later), ...part },
    ],
  });

describe("what was said", () => {
  test("is changed by an edit, in the message and where the conversation shows it", async () => {
    const { world, tenant, whatsapp, wa_id } = await withWhatsApp();
    const { id } = await whatsapp.hears("Tuesday", { wa_id, id: "wamid.said" });
    const before = await countsOf(tenant);
    await whatsapp.tell(revising(world, whatsapp.account_id, wa_id, edited("Wednesday")));
    const { body } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${id}/messages`);
    expect(body.data).toMatchObject([{ content: { type: "text", text: "Wednesday" }, status: "received" }]);
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body).toMatchObject({
      last_message_preview: "Wednesday",
      message_count: 1,
    });
    expect(await countsOf(tenant)).toEqual({ ...before, provider_events: before.provider_events + 1 });
  });

  test("is gone once it was deleted; a later message stays the conversation's last", async () => {
    const { world, tenant, whatsapp, wa_id } = await withWhatsApp();
    const { id } = await whatsapp.hears("My card is 4111", { wa_id, id: "wamid.said" });
    await whatsapp.hears("Forget that", { wa_id });
    await whatsapp.tell(revising(world, whatsapp.account_id, wa_id, revoked));
    const { body } = await tenant.get<{ data: Message[] }>(`/v1/conversations/${id}/messages?order=asc`);
    expect(body.data.map(({ content }) => content)).toEqual([
      { type: "text", text: "[Deleted message]" },
      { type: "text", text: "Forget that" },
    ]);
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.last_message_preview).toBe("Forget that");
  });

  test("leaves the same message in whatever order it is told", async () => {
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [1, 2, 0],
    ];
    for (const order of orders) {
      const { world, tenant, whatsapp, wa_id } = await withWhatsApp();
      const parts = [
        saying(world, whatsapp.account_id, "Tuesday", { wa_id, id: "wamid.said" }),
        revising(world, whatsapp.account_id, wa_id, edited("Wednesday"), 1),
        revising(world, whatsapp.account_id, wa_id, edited("Thursday"), 2),
      ];
      for (const n of order) await whatsapp.tell(parts[n]!);
      for (const n of order) await whatsapp.tell(parts[n]!);
      expect(await rowsOf(tenant, messages)).toMatchObject([{ content: { type: "text", text: "Thursday" }, status: "received" }]);
      const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
      expect(body.data).toMatchObject([{ last_message_preview: "Thursday", message_count: 1 }]);
    }
  });

  test.each(["instagram", "facebook_page"] as const)("is revised on %s too", async (kind) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const channel = await createMessaging(world, tenant, kind);
    await channel.hears("Tuesday", { id: "m_1" });
    await channel.hearsOf({ message_edit: { mid: "m_1", text: "Wednesday", num_edit: 1 } }, { at: after(world.now(), seconds(1)) });
    expect(await rowsOf(tenant, messages)).toMatchObject([{ content: { text: "Wednesday" } }]);
    await channel.hearsOf({ message: { mid: "m_1", is_deleted: true } }, { at: after(world.now(), seconds(2)) });
    expect(await rowsOf(tenant, messages)).toMatchObject([{ content: { text: "[Deleted message]" } }]);
  });

  const files = (...names: string[]) => names.map((name) => ({ type: "image", payload: { url: `https://cdn.example/${name}` } }));
  const withdrawn = { type: "text", text: "[Deleted message]" };

  test.each([
    ["instagram", "after"],
    ["facebook_page", "after"],
    ["instagram", "before"],
    ["facebook_page", "before"],
  ] as const)("with several files is gone with all of them, on %s, where that is told %s it", async (kind, when) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const channel = await createMessaging(world, tenant, kind);
    const said = () => channel.hearsOf({ message: { mid: "m_1", text: "Look", attachments: files("1", "2", "3") } });
    const deletion = () => channel.hearsOf({ message: { mid: "m_1", is_deleted: true } }, { at: after(world.now(), seconds(1)) });
    await channel.hears("Something else", { id: "m_0" });
    for (const tell of when === "after" ? [said, deletion] : [deletion, said]) await tell();
    const contents = (await rowsOf(tenant, messages)).map(({ content }) => content);
    expect(contents).toEqual([{ type: "text", text: "Something else" }, withdrawn, withdrawn, withdrawn]);
    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
    expect(body.data).toMatchObject([{ last_message_preview: "[Deleted message]", message_count: 4 }]);
  });

  test("with a file whose first part could not be written is gone with all of them when it is told again", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const channel = await createMessaging(world, tenant, "instagram");
    const said = channel.wrapped(
      entryOf(channel.account_id, {
        sender: { id: channel.person },
        recipient: { id: channel.account_id },
        timestamp: Date.parse(world.now()),
        message: { mid: "m_1", attachments: files("1", "2") },
      }),
    );
    breakNext("insert", messages);
    expect((await channel.post(said)).status).toBe(503);
    expect(await rowsOf(tenant, messages)).toMatchObject([{ external_id: "m_1#2" }]);
    await channel.hearsOf({ message: { mid: "m_1", is_deleted: true } }, { at: after(world.now(), seconds(1)) });
    expect((await channel.post(said)).status).toBe(200);
    expect((await rowsOf(tenant, messages)).map(({ content }) => content)).toEqual([withdrawn, withdrawn]);
  });

  test.each(["instagram", "facebook_page"] as const)("beside a file is changed there, and the file stays, on %s", async (kind) => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const channel = await createMessaging(world, tenant, kind);
    await channel.hearsOf({ message: { mid: "m_1", text: "Tuesday", attachments: files("1", "2") } });
    await channel.hearsOf({ message_edit: { mid: "m_1", text: "Wednesday", num_edit: 1 } }, { at: after(world.now(), seconds(1)) });
    expect((await rowsOf(tenant, messages)).map(({ content }) => content)).toMatchObject([
      { type: "media", media_type: "image", url: "https://cdn.example/1", caption: "Wednesday" },
      { type: "media", media_type: "image", url: "https://cdn.example/2", caption: null },
    ]);
  });

  test("by revisions of any kind reads the same in whatever order they are judged", () => {
    const at = "2026-11-22T10:15:12.000Z";
    const revision = fc.record({ words: fc.option(fc.string({ maxLength: 5 })), later: fc.nat(3) });
    fc.assert(
      fc.property(
        fc
          .array(revision, { maxLength: 6 })
          .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        (orders) => {
          const [one, other] = orders.map(
            (list) =>
              list.reduce<MessageRow>(
                (row, { words, later }) => ({
                  ...row,
                  ...judgeRevision(row, {
                    content: words === null ? null : { type: "text", text: words },
                    occurred_at: after(at, seconds(later)),
                  }),
                }),
                { content: { type: "text", text: "First" }, revised_at: null } as MessageRow,
              ).content,
          );
          expect(one).toEqual(other);
        },
      ),
    );
  });

  test("in a file's caption leaves the file", () => {
    const content = { type: "media", media_type: "image", url: "https://cdn.example/1", caption: "Old" } as const;
    const changed = judgeRevision({ content, revised_at: null } as MessageRow, {
      content: { ...content, url: null, caption: "New" },
      occurred_at: "2026-11-22T10:15:12.000Z",
    });
    expect(changed.content).toEqual({ ...content, caption: "New" });
  });
});
