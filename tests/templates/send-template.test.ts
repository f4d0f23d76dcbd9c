import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { hours, seconds } from "../../src/core/time.ts";
import type { Message } from "../../src/messages/contract.ts";
import type { Template, TemplatePreview } from "../../src/templates/contract.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { callbackOf, createSandbox, freshNumber, saying, signed } from "../support/channels.ts";
import { answering } from "../support/graph-twin.ts";
import { countsOf, eventsOf } from "../support/rows.ts";
import { body, listed, withTemplates } from "../support/templates-twin.ts";
import { createWorld } from "../support/world.ts";

const shipped = listed("order_shipped", "en", [body("Hello {{1}}, your order {{2}} is on its way.")]);
const rich = listed(
  "delivery",
  "en_US",
  [
    { type: "HEADER", format: "DOCUMENT" },
    { type: "BODY", text: "Hello {{first_name}}, on {{day}}. {{first_name}}!" },
    { type: "FOOTER", text: "The shop" },
    {
      type: "BUTTONS",
      buttons: [
        { type: "QUICK_REPLY", text: "Stop" },
        { type: "URL", text: "Track", url: "https://shop.example/t/{{1}}" },
        { type: "COPY_CODE", text: "Copy" },
      ],
    },
  ],
  { parameter_format: "NAMED" },
);
const rich_variables = {
  header: "https://files.example/bill.pdf",
  first_name: "Sara",
  day: "Sunday",
  "button.1": "A-1007",
  "button.2": "SUMMER25",
};
const titled = listed("titled", "en", [
  { type: "HEADER", format: "TEXT", text: "Order {{1}}" },
  { type: "BODY", text: "{{2}} and {{1}}" },
]);
const carousel = listed("carousel", "en", [body("Look"), { type: "CAROUSEL", cards: [] }]);
const paused = listed("paused", "en", [body("Hello")], { status: "PAUSED" });

const template = (name: string, language: string, variables?: object) => ({
  type: "template",
  name,
  language,
  ...(variables && { variables }),
});
const of_shipped = template("order_shipped", "en", { "1": "Sara", "2": "A-1007" });

async function setUp() {
  const given = await withTemplates([shipped, rich, titled, carousel, paused]);
  const { world, tenant, channel, twin, waba_id, sync } = given;
  await sync();
  twin.asked.length = 0;
  const said = callbackOf(saying(world, waba_id, "Hello"));
  await world.request(`/hooks/meta/${channel.id}`, { method: "POST", body: said, headers: signed(said) });
  const { body: page } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${channel.id}`);
  const { id } = page.data[0]!;
  const send = <T = Message>(content: object) => tenant.post<T>(`/v1/conversations/${id}/messages`, { content });
  const read = async (message_id: string) => (await tenant.get<Message>(`/v1/messages/${message_id}`)).body;
  const sent = () => twin.asked.filter(({ method }) => method === "POST").map((asked) => asked.body);
  const confine = () =>
    tenant.ctx.db.update(workspaces).set({ whatsapp_templates: "open_window_only" }).where(eq(workspaces.id, tenant.workspace_id));
  return { ...given, id, send, read, sent, confine };
}

describe("a template", () => {
  test("is kept with what it says, announced, and sent as Meta wants it", async () => {
    const { world, tenant, send, read, sent } = await setUp();
    const { status, body: message } = await send(of_shipped);
    expect(status).toBe(201);
    const content = { ...of_shipped, text: "Hello Sara, your order A-1007 is on its way." };
    expect(message.content).toEqual(content);
    expect((await eventsOf(tenant)).at(-1)).toMatchObject({
      data: { message: { content }, conversation: { last_message_preview: content.text } },
    });
    await world.sendQueued();
    expect(await read(message.id)).toMatchObject({ status: "sent", content });
    expect(sent()).toMatchObject([
      {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        biz_opaque_callback_data: message.id,
        type: "template",
        template: {
          name: "order_shipped",
          language: { policy: "deterministic", code: "en" },
          components: [
            {
              type: "body",
              parameters: [
                { type: "text", text: "Sara" },
                { type: "text", text: "A-1007" },
              ],
            },
          ],
        },
      },
    ]);
  });

  test("may have a file, named parameters, the end of a URL, and a code", async () => {
    const { world, send, sent } = await setUp();
    const { body: message } = await send(template("delivery", "en_US", rich_variables));
    expect(message.content).toMatchObject({
      text: "Hello Sara, on Sunday. Sara!\n\nThe shop\n\n[Stop]\n\n[Track] https://shop.example/t/A-1007\n\n[Copy] SUMMER25",
    });
    await world.sendQueued();
    expect(sent()).toMatchObject([
      {
        template: {
          components: [
            { type: "header", parameters: [{ type: "document", document: { link: "https://files.example/bill.pdf" } }] },
            {
              type: "body",
              parameters: [
                { type: "text", parameter_name: "first_name", text: "Sara" },
                { type: "text", parameter_name: "day", text: "Sunday" },
              ],
            },
            { type: "button", sub_type: "url", index: "1", parameters: [{ type: "text", text: "A-1007" }] },
            { type: "button", sub_type: "copy_code", index: "2", parameters: [{ type: "coupon_code", coupon_code: "SUMMER25" }] },
          ],
        },
      },
    ]);
  });

  test("numbers its header and its body each for itself, and puts in values as they are", async () => {
    const { world, send, sent } = await setUp();
    const { body: message } = await send(template("titled", "en", { "header.1": "A-1007", "1": "{{2}}", "2": "$& $1" }));
    expect(message.content).toMatchObject({ text: "Order A-1007\n\n$& $1 and {{2}}" });
    await world.sendQueued();
    expect(sent()).toMatchObject([
      { template: { components: [{ parameters: [{ text: "A-1007" }] }, { parameters: [{ text: "{{2}}" }, { text: "$& $1" }] }] } },
    ]);
  });

  test("begins a conversation with somebody who never wrote", async () => {
    const { world, tenant, channel, sent } = await setUp();
    const phone = freshNumber();
    const asked = { channel_id: channel.id, to: { kind: "phone", value: `+${phone}` }, content: of_shipped };
    expect((await tenant.post("/v1/messages", asked)).status).toBe(201);
    await world.sendQueued();
    expect(sent()).toMatchObject([{ to: phone, type: "template" }]);
    expect((await tenant.post("/v1/messages", { ...asked, content: { type: "text", text: "Hi" } })).body).toMatchObject({
      code: "messaging_window_closed",
    });
  });
});

describe("the window", () => {
  test("does not hold a template back, and says so", async () => {
    const { world, tenant, id, send, read } = await setUp();
    world.advance(hours(25));
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window).toMatchObject({
      state: "closed",
      allowed_types: ["template"],
    });
    const { body: message } = await send(of_shipped);
    await world.sendQueued();
    expect(await read(message.id)).toMatchObject({ status: "sent" });
    expect((await tenant.get<Conversation>(`/v1/conversations/${id}`)).body.messaging_window.state).toBe("closed");
  });

  test("holds it back where the workspace wants it so, at the request and again at the sending", async () => {
    const { world, send, read, sent, confine } = await setUp();
    await confine();
    const { status, body: in_time } = await send(of_shipped);
    expect(status).toBe(201);
    world.advance(hours(25));
    expect(await send<Problem>(of_shipped)).toMatchObject({ status: 422, body: { code: "messaging_window_closed" } });
    await world.sendQueued();
    expect(await read(in_time.id)).toMatchObject({ status: "failed", error: { code: "messaging_window_closed" } });
    expect(sent()).toEqual([]);
  });
});

describe("is refused before anything is stored", () => {
  test.for<[string, object, string, string[]]>([
    ["in a language it does not have", template("order_shipped", "en_US", of_shipped.variables), "template_not_found", []],
    ["that is not there", template("order_lost", "en"), "template_not_found", []],
    ["that is paused", template("paused", "en"), "template_not_approved", []],
    ["without its variables", template("order_shipped", "en"), "template_params_invalid", ["1 required", "2 required"]],
    ["with an empty one", template("order_shipped", "en", { "1": " ", "2": "A" }), "template_params_invalid", ["1 too_small"]],
    [
      "with one too many",
      template("order_shipped", "en", { "1": "a", "2": "b", "3": "c" }),
      "template_params_invalid",
      ["3 unknown_variable"],
    ],
    ["with a line break", template("order_shipped", "en", { "1": "a\nb", "2": "b" }), "template_params_invalid", ["1 invalid_characters"]],
    [
      "with a file over http and a code with a blank",
      template("delivery", "en_US", { ...rich_variables, header: "http://files.example/a.pdf", "button.2": "A B" }),
      "template_params_invalid",
      ["header invalid_format", "button.2 invalid_characters"],
    ],
    [
      "whose names are given by numbers",
      template("delivery", "en_US", { "1": "Sara" }),
      "template_params_invalid",
      ["header required", "first_name required", "day required", "button.1 required", "button.2 required", "1 unknown_variable"],
    ],
    ["with a part that cannot be sent", template("carousel", "en"), "content_type_unsupported", []],
  ])("one %s", async ([, content, code, faults]) => {
    const { tenant, send } = await setUp();
    const before = await countsOf(tenant);
    const { status, body: problem } = await send<Problem>(content);
    expect([status, problem.code]).toEqual([422, code]);
    expect((problem.errors ?? []).map(({ pointer, code: fault }) => `${pointer.replace("/content/variables/", "")} ${fault}`)).toEqual(
      faults,
    );
    expect(await countsOf(tenant)).toEqual(before);
  });

  test("and the answer says in which languages it is there", async () => {
    const { send } = await setUp();
    expect((await send<Problem>(template("order_shipped", "fr"))).body.detail).toContain("en");
  });

  test("one on a channel that carries none", async () => {
    const { world, tenant } = await setUp();
    for (const kind of ["twilio_sms", "instagram", "web_widget"] as const) {
      const sandbox = await createSandbox(world, tenant, kind);
      const { id } = await sandbox.hears("Hello", freshNumber());
      const { status, body: problem } = await tenant.post<Problem>(`/v1/conversations/${id}/messages`, { content: of_shipped });
      expect([kind, status, problem.code]).toEqual([kind, 422, "content_type_unsupported"]);
    }
  });

  test("one of another workspace's account, or of a channel without an account for templates", async () => {
    const { world, tenant, channel, send } = await setUp();
    const stranger = await world.tenant();
    const { id } = await stranger.hears("Hello");
    expect((await stranger.post(`/v1/conversations/${id}/messages`, { content: of_shipped })).body).toMatchObject({
      code: "template_not_found",
    });
    await tenant.patch(`/v1/channels/${channel.id}`, { credentials: { waba_id: null } });
    expect((await send(of_shipped)).body).toMatchObject({ code: "template_not_found" });
  });
});

describe("what changes while it waits", () => {
  test("is found out without asking WhatsApp, and it may be sent again when it is mended", async () => {
    const { world, tenant, send, read, sent, tell } = await setUp();
    const { body: message } = await send(of_shipped);
    world.advance(seconds(5));
    const ids = { message_template_name: "order_shipped", message_template_language: "en" };
    await tell("message_template_status_update", { event: "PAUSED", ...ids });
    await world.sendQueued();
    expect(await read(message.id)).toMatchObject({ status: "failed", error: { code: "template_not_approved", provider_code: null } });
    expect(sent()).toEqual([]);

    world.advance(seconds(5));
    await tell("message_template_status_update", { event: "APPROVED", ...ids });
    expect((await tenant.post(`/v1/messages/${message.id}/retry`)).status).toBe(202);
    await world.sendQueued();
    expect(await read(message.id)).toMatchObject({ status: "sent" });
  });
});

test.each([
  [132000, "template_params_invalid"],
  [132001, "template_not_found"],
  [132005, "template_params_invalid"],
  [132008, "template_params_invalid"],
  [132012, "template_params_invalid"],
  [132015, "template_not_approved"],
  [132016, "template_not_approved"],
])("Meta's %i is %s", async (code, ours) => {
  const { world, twin, send, read } = await setUp();
  const { body: message } = await send(of_shipped);
  twin.answer = answering(400, { error: { code, message: "No." } });
  await world.sendQueued();
  expect(await read(message.id)).toMatchObject({ status: "failed", error: { code: ours, provider_code: String(code) } });
});

describe("a preview", () => {
  test("is what would be sent, part by part, and sends nothing", async () => {
    const { tenant, templates, sent } = await setUp();
    const [delivery] = await templates("&name=delivery");
    const { status, body: preview } = await tenant.post<TemplatePreview>(`/v1/templates/${delivery!.id}/preview`, {
      variables: rich_variables,
    });
    expect(status).toBe(200);
    expect(preview).toMatchObject({
      object: "template_preview",
      template_id: delivery!.id,
      header: { format: "document", text: null, url: "https://files.example/bill.pdf" },
      body: "Hello Sara, on Sunday. Sara!",
      footer: "The shop",
      buttons: [
        { type: "quick_reply", text: "Stop", target: null },
        { type: "url", text: "Track", target: "https://shop.example/t/A-1007" },
        { type: "copy_code", text: "Copy", target: "SUMMER25" },
      ],
    });
    expect(sent()).toEqual([]);
  });

  test("names every variable that is missing, and may be asked for what is not approved", async () => {
    const { tenant, templates } = await setUp();
    const [order] = await templates("&name=order_shipped");
    const { token } = await tenant.mint({ scopes: ["read"] });
    expect(await tenant.post(`/v1/templates/${order!.id}/preview`, {}, { key: token })).toMatchObject({
      status: 422,
      body: { code: "template_params_invalid", errors: [{ pointer: "/variables/1" }, { pointer: "/variables/2" }] },
    });
    const [waits] = await templates("&name=paused");
    expect((await tenant.post(`/v1/templates/${waits!.id}/preview`)).body).toMatchObject({ body: "Hello" });
  });
});

test("the sandbox delivers one, offline", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  await tenant.post("/v1/templates/sync");
  const { body: page } = await tenant.get<{ data: Template[] }>("/v1/templates?name=delivery_window");
  const variables = Object.fromEntries(page.data[0]!.parameters.map(({ key }) => [key, "x"]));
  const { body: message } = await tenant.post<Message>("/v1/messages", {
    channel_id: tenant.channel_id,
    to: { kind: "phone", value: `+${freshNumber()}` },
    content: template("delivery_window", "en", variables),
  });
  await world.sendQueued();
  expect((await tenant.get(`/v1/messages/${message.id}`)).body).toMatchObject({ status: "delivered" });
});
