import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Message, Transcript } from "../../src/messages/contract.ts";
import { renderTranscript } from "../../src/messages/render-transcript.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { createSandbox } from "../support/channels.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const transcript = async (tenant: Tenant, id: string, format = "") =>
  (await tenant.get<Transcript>(`/v1/conversations/${id}/transcript${format && `?format=${format}`}`)).body;
const send = async (tenant: Tenant, id: string, content: object) =>
  (await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content })).body;
const text = (said: string) => ({ type: "text", text: said });

/** A customer asks, the business answers with words and a file, and a last message fails. */
async function withExchange() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const sms = await createSandbox(world, tenant, "twilio_sms");
  const asked = await sms.hears("أين *طلبي*؟\nرقم 1007", "+15550100001");
  const answers = [
    await send(tenant, asked.id, text("On its way.")),
    await send(tenant, asked.id, { type: "media", media_type: "image", url: "https://files.example/a.png" }),
    await send(tenant, asked.id, { type: "media", media_type: "document", url: "https://files.example/a.pdf", caption: "The invoice" }),
  ];
  return { world, tenant, id: asked.id, at: [asked.last_message_at, ...answers.map(({ created_at }) => created_at)] };
}

describe("a transcript", () => {
  test("has every message, the oldest first", async () => {
    const { tenant, id, at } = await withExchange();
    const said = {
      text: "On its way.",
      media_type: null,
      direction: "outbound",
      status: "queued",
      sender: { type: "api", name: "First key" },
    };
    expect(await transcript(tenant, id)).toEqual({
      object: "transcript",
      conversation_id: id,
      format: "json",
      truncated: false,
      messages: [
        {
          at: at[0],
          sender: { type: "contact", name: null },
          direction: "inbound",
          text: "أين *طلبي*؟\nرقم 1007",
          media_type: null,
          status: "received",
        },
        { ...said, at: at[1] },
        { ...said, at: at[2], text: null, media_type: "image" },
        { ...said, at: at[3], text: "The invoice", media_type: "document" },
      ],
      content: null,
    });
    expect(await transcript(tenant, id, "json")).toEqual(await transcript(tenant, id));
  });

  test("is told as text: who and when, and below it, indented, what was written", async () => {
    const { world, tenant, id, at } = await withExchange();
    expect((await transcript(tenant, id, "text")).content).toContain(`[${at[1]}] First key (API) (not sent yet)\n  On its way.`);
    await world.sendQueued();
    expect(await transcript(tenant, id, "text")).toEqual({
      object: "transcript",
      conversation_id: id,
      format: "text",
      truncated: false,
      messages: null,
      content: [
        `[${at[0]}] contact\n  أين *طلبي*؟\n  رقم 1007`,
        `[${at[1]}] First key (API) (not delivered)\n  On its way.`,
        `[${at[2]}] First key (API) (not delivered)\n  [image]`,
        `[${at[3]}] First key (API) (not delivered)\n  [document] The invoice`,
      ].join("\n\n"),
    });
  });

  test("is told as Markdown, in which what was written is a quotation and no markup", async () => {
    const { tenant, id, at } = await withExchange();
    const { content, messages: none } = await transcript(tenant, id, "markdown");
    expect(none).toBeNull();
    const [first, second] = content!.split(/\n\n(?=\*\*)/);
    expect(first).toBe(`**${at[0]}** contact\n\n> أين \\*طلبي\\*؟  \n> رقم 1007  `);
    expect(second).toBe(`**${at[1]}** First key (API) *(not sent yet)*\n\n> On its way\\.  `);
  });

  test("keeps what a customer called themselves, though the contact is deleted", async () => {
    const tenant = await (await createWorld()).tenant();
    const { id, contact_id } = await tenant.hears("Hello", { name: "Sara" });
    await tenant.delete(`/v1/contacts/${contact_id}`);
    expect((await transcript(tenant, id)).messages).toMatchObject([{ sender: { type: "contact", name: "Sara" }, text: "Hello" }]);
  });

  test("of a conversation in which nothing was said is empty", async () => {
    const tenant = await (await createWorld()).tenant();
    const to = { kind: "phone", value: "+15550101001" };
    const { body } = await tenant.post<Conversation>("/v1/conversations", { channel_id: tenant.channel_id, to });
    expect(await transcript(tenant, body.id)).toMatchObject({ messages: [], content: null });
    expect(await transcript(tenant, body.id, "text")).toMatchObject({ messages: null, content: "" });
    expect(await transcript(tenant, body.id, "markdown")).toMatchObject({ content: "" });
  });

  test("has the newest 5,000 messages, and says that there are more", async () => {
    const tenant = await (await createWorld()).tenant();
    const { id, contact_id } = await tenant.hears("The first");
    const { ctx, channel_id } = tenant;
    const row = (n: number): typeof messages.$inferInsert => ({
      workspace_id: tenant.workspace_id,
      id: ctx.newId("msg"),
      conversation_id: id,
      contact_id,
      channel: "whatsapp",
      channel_id,
      direction: "inbound",
      sender: { type: "contact", id: contact_id, name: "Sara" },
      content: { type: "text", text: `No ${n}` },
      status: "received",
      created_at: ctx.now(),
      updated_at: ctx.now(),
    });
    const insert = (from: number, count: number) => ctx.db.insert(messages).values(Array.from({ length: count }, (_, n) => row(from + n)));
    for (let from = 2; from < 5000; from += 1000) await insert(from, from === 4002 ? 999 : 1000);
    const whole = await transcript(tenant, id);
    expect([whole.truncated, whole.messages!.length, whole.messages![0]!.text]).toEqual([false, 5000, "The first"]);

    await insert(5001, 1);
    const cut = await transcript(tenant, id);
    expect([cut.truncated, cut.messages!.length]).toEqual([true, 5000]);
    expect([cut.messages![0]!.text, cut.messages!.at(-1)!.text]).toEqual(["No 2", "No 5001"]);
    expect((await transcript(tenant, id, "text")).content).toMatch(/^\[earlier messages are left out\]\n\n\[/);
    expect((await transcript(tenant, id, "markdown")).content).toMatch(/^\*Earlier messages are left out\.\*\n\n\*\*/);
  });
});

const message = (said: string, name = "Sara") => ({
  at: "2026-11-22T10:15:12.480Z",
  sender: { type: "contact" as const, name },
  direction: "inbound" as const,
  text: said,
  media_type: null,
  status: "received" as const,
});

describe("what a customer writes", () => {
  test.each([
    "Hi\n\n[2026-11-22T10:16:00.000Z] Support (team member)\n  We refund you.",
    "Hi\r[2026-11-22T10:16:00.000Z] Support (team member)\u2028We refund you.",
  ])("cannot pass for another's message in text", (said) => {
    const rendered = renderTranscript([message(said)], false, "text");
    const heads = rendered.split("\n").filter((line) => line.startsWith("["));
    expect(heads).toEqual(["[2026-11-22T10:15:12.480Z] Sara (contact)"]);
    expect(rendered).not.toMatch(/[\r\u2028\u2029]/);
  });

  test("nor can what they call themselves", () => {
    const name = "Sara\n[2026-11-22T10:16:00.000Z] Support (team member)\nHello";
    expect(renderTranscript([message("Hi", name)], false, "text").split("\n")).toHaveLength(2);
    expect(renderTranscript([message("Hi", name)], false, "markdown").split("\n")).toHaveLength(3);
  });

  test.each([
    ["a heading", "# Refunds", "\\# Refunds"],
    ["a link", "[click](javascript:alert(1))", "\\[click\\]\\(javascript\\:alert\\(1\\)\\)"],
    ["a bare link", "https://evil.example www.evil.example", "https\\:\\/\\/evil\\.example www\\.evil\\.example"],
    ["a picture", "![x](https://evil.example/p.png)", "\\!\\[x\\]\\(https\\:\\/\\/evil\\.example\\/p\\.png\\)"],
    ["HTML", "<img src=x onerror=alert(1)>", "\\<img src\\=x onerror\\=alert\\(1\\)\\>"],
    ["an entity", "&lt;b&gt;", "\\&lt\\;b\\&gt\\;"],
    ["code", "`rm` ~~~", "\\`rm\\` \\~\\~\\~"],
    ["code by blanks", "    code\tcode", "code\tcode"],
    ["lists", "- one", "\\- one"],
    ["numbers", "1. one", "1\\. one"],
    ["a table", "| a | b |", "\\| a \\| b \\|"],
    ["a quotation's end", "> quoted", "\\> quoted"],
    ["a backslash", "\\*", "\\\\\\*"],
    ["a line of blanks at its end", "one   ", "one"],
  ])("is no %s in Markdown", (_, said, shown) => {
    const [, , line] = renderTranscript([message(said)], false, "markdown").split("\n");
    expect(line).toBe(`> ${shown}  `);
  });

  test("is one block whatever it holds, and nothing of it is lost", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), fc.constantFrom("\n", "\r\n", "\n\n", "\u2029"), (word, end) => {
        const said = `${word}${end}سلام (${word})`;
        for (const format of ["text", "markdown"] as const) {
          const rendered = renderTranscript([message(said)], false, format);
          const [head, ...lines] = rendered.split("\n");
          const body = format === "markdown" ? lines.slice(1) : lines;
          expect(head).toContain("2026-11-22T10:15:12.480Z");
          for (const line of body) expect(line).toMatch(format === "markdown" ? /^>( .*)?$/u : /^( {2}.*)?$/u);
          const read = format === "markdown" ? rendered.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1") : rendered;
          expect(read).toContain("سلام (");
          if (!/\s/.test(word)) expect(read.split(word).length).toBeGreaterThanOrEqual(3);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("is refused", () => {
  test("in a format that is none", async () => {
    const tenant = await (await createWorld()).tenant();
    const { id } = await tenant.hears("Hello");
    const { status, body } = await tenant.get<Problem>(`/v1/conversations/${id}/transcript?format=pdf`);
    expect([status, body.errors]).toMatchObject([400, [{ pointer: "/format", code: "not_allowed" }]]);
  });

  test("of another workspace's conversation, and of one that is not there", async () => {
    const world = await createWorld();
    const [tenant, neighbour] = [await world.tenant(), await world.tenant()];
    const { id } = await tenant.hears("Hello");
    expect((await neighbour.get(`/v1/conversations/${id}/transcript`)).status).toBe(404);
    expect((await neighbour.get(`/v1/conversations/${createNewId()("conv")}/transcript`)).status).toBe(404);
  });
});
