import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import { template_syncs } from "../../src/channels/tables.ts";
import { after, hours, minutes, seconds } from "../../src/core/time.ts";
import type { Template, TemplateSync } from "../../src/templates/contract.ts";
import { message_templates } from "../../src/templates/tables.ts";
import { answering, breaking, refusing } from "../support/graph-twin.ts";
import { rowsOf } from "../support/rows.ts";
import { body, listed, withTemplates } from "../support/templates-twin.ts";
import { breakAt } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

const shipped = listed("order_shipped", "en", [body("Hello {{1}}, your order {{2}} is on its way.")]);
const hello = listed("hello_world", "en_US", [
  { type: "HEADER", format: "TEXT", text: "Hello World" },
  { type: "BODY", text: "Welcome." },
  { type: "FOOTER", text: "WhatsApp Business API Team" },
]);
const namesOf = (templates: Template[]) => templates.map(({ name, language }) => `${name} ${language}`).toSorted();

describe("asking for the templates", () => {
  test("takes over every page, by the cursor and never by the URL of the next", async () => {
    const { twin, waba_id, channel, sync, templates } = await withTemplates(
      [shipped],
      [hello],
      [listed("third", "ar", [body("مرحباً {{1}}")])],
    );
    expect(await sync()).toMatchObject({
      object: "template_sync",
      results: [{ channel_id: channel.id, ok: true, templates: 3, code: null }],
    });
    expect(twin.asked.map(({ method, path }) => [method, new URL(path, twin.url).searchParams.get("after")])).toEqual([
      ["GET", null],
      ["GET", "page-1"],
      ["GET", "page-2"],
    ]);
    expect(twin.asked[0]!.path).toContain(`/v23.0/${waba_id}/message_templates?`);
    expect(namesOf(await templates())).toEqual(["hello_world en_US", "order_shipped en", "third ar"]);
  });

  test("shows each with what it needs", async () => {
    const { tenant, waba_id, sync, templates } = await withTemplates([
      shipped,
      listed(
        "delivery",
        "en",
        [
          { type: "HEADER", format: "IMAGE", example: { header_handle: ["https://scontent.example/1"] } },
          { type: "BODY", text: "Hello {{first_name}}, on {{day}}." },
          {
            type: "BUTTONS",
            buttons: [
              { type: "QUICK_REPLY", text: "Stop" },
              { type: "URL", text: "Track", url: "https://shop.example/{{1}}" },
              { type: "PHONE_NUMBER", text: "Call", phone_number: "+15550100200" },
              { type: "COPY_CODE", text: "Copy" },
              { type: "FLOW", text: "Fill in" },
            ],
          },
        ],
        { parameter_format: "NAMED", status: "REJECTED", rejected_reason: "INVALID_FORMAT", quality_score: { score: "UNKNOWN" } },
      ),
    ]);
    await sync();
    const [delivery] = await templates("&name=delivery");
    expect(delivery).toMatchObject({
      object: "template",
      account_id: waba_id,
      status: "REJECTED",
      rejected_reason: "INVALID_FORMAT",
      category: "UTILITY",
      quality: "UNKNOWN",
      parameter_format: "named",
      parameters: [
        { key: "header", component: "header", kind: "image" },
        { key: "first_name", component: "body", kind: "text" },
        { key: "day", component: "body", kind: "text" },
        { key: "button.1", component: "button", kind: "url" },
        { key: "button.3", component: "button", kind: "copy_code" },
      ],
    });
    expect((await tenant.get(`/v1/templates/${delivery!.id}`)).body).toEqual(delivery);
  });

  test("marks what is there no more as deleted, keeps its id, and knows it again when it is back", async () => {
    const { world, listing, sync, templates } = await withTemplates([shipped, hello]);
    await sync();
    const before = await templates("&name=order_shipped");
    listing.pages = [[hello]];
    world.advance(seconds(1));
    await sync();
    expect(await templates("&status=DELETED")).toMatchObject([{ id: before[0]!.id, name: "order_shipped", status: "DELETED" }]);
    listing.pages = [[hello, shipped]];
    world.advance(seconds(1));
    await sync();
    expect(await templates("&name=order_shipped")).toMatchObject([{ id: before[0]!.id, status: "APPROVED" }]);
  });

  test("of what is the same changes nothing but how fresh it is", async () => {
    const { world, sync, templates } = await withTemplates([shipped]);
    await sync();
    const [before] = await templates();
    world.advance(minutes(5));
    await sync();
    const [now] = await templates();
    expect(now).toEqual({ ...before, synced_at: now!.synced_at });
    expect(now!.synced_at > before!.synced_at).toBe(true);
  });

  test.each([
    ["refuses", refusing(400, 100), "provider_invalid_request"],
    ["drops the connection", breaking, "provider_unavailable"],
    ["answers with something else", answering(200, { hello: "world" }), "provider_unavailable"],
    ["has too much to do", refusing(429, 80007), "provider_rate_limited"],
  ])("leaves everything as it was where the second page %s", async (_, refuse, code) => {
    const { twin, listing, sync, templates, tenant } = await withTemplates([shipped]);
    await sync();
    const before = await templates();
    listing.pages = [[hello], [shipped]];
    const whole = twin.answer!;
    twin.answer = (response, asked) => (asked.path.includes("after=") ? refuse(response) : whole(response, asked));
    expect((await sync()).results).toMatchObject([{ ok: false, templates: null, code }]);
    expect(await templates()).toEqual(before);
    expect((await tenant.get("/v1/channels")).body).toMatchObject({ data: [{ status: "connected" }, { status: "connected" }] });
  });

  test("that never ends is given up", async () => {
    const { twin, sync, templates } = await withTemplates([]);
    twin.answer = answering(200, { data: [shipped], paging: { cursors: { after: "again" }, next: "https://elsewhere.invalid" } });
    expect((await sync()).results).toMatchObject([{ ok: false, code: "provider_unavailable" }]);
    expect(twin.asked).toHaveLength(100);
    expect(await templates()).toEqual([]);
  });

  test("by credentials that are taken no more turns the channel to error", async () => {
    const { twin, tenant, channel, sync } = await withTemplates([shipped]);
    twin.answer = refusing(401, 190);
    expect((await sync()).results).toMatchObject([{ ok: false, code: "channel_auth_failed", provider_code: "190" }]);
    expect((await tenant.get(`/v1/channels/${channel.id}`)).body).toMatchObject({
      status: "error",
      error: { code: "channel_auth_failed" },
    });
  });

  test("tells no secret, whatever the provider repeats", async () => {
    const { twin, tenant, sync } = await withTemplates([shipped]);
    twin.answer = answering(400, { error: { code: 100, message: "Bad: EAAsecrettoken" } });
    const shown = JSON.stringify([await sync(), await rowsOf(tenant, audit_log)]);
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain("EAAsecrettoken");
  });

  test("that fails at its audit entry has changed nothing", async () => {
    const { world, tenant, channel, templates } = await withTemplates([shipped]);
    const mend = breakAt(world, "aud");
    expect((await tenant.post("/v1/templates/sync", { channel_id: channel.id })).status).toBe(500);
    mend();
    expect(await templates()).toEqual([]);
  });

  test("asks every channel that has templates, and each answers for itself", async () => {
    const { twin, tenant, channel } = await withTemplates([shipped]);
    twin.answer = breaking;
    const { body: all } = await tenant.post<TemplateSync>("/v1/templates/sync");
    expect(all.results).toMatchObject([
      { channel_id: tenant.channel_id, ok: true },
      { channel_id: channel.id, ok: false, code: "provider_unavailable" },
    ]);
    expect((await tenant.get<{ data: Template[] }>("/v1/templates?channel_id=" + tenant.channel_id)).body.data).toHaveLength(7);
  });

  test("is refused for a channel that has none, and for one of another workspace", async () => {
    const { world, tenant } = await withTemplates();
    const { body: sms } = await tenant.post("/v1/channels", {
      channel: "twilio_sms",
      provider: "sandbox",
      name: "SMS",
      account_id: "x",
      credentials: { token: "a word" },
    });
    expect(await tenant.post("/v1/templates/sync", { channel_id: sms["id"] })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/channel_id", code: "not_allowed" }] },
    });
    const stranger = await world.tenant();
    expect(await tenant.post("/v1/templates/sync", { channel_id: stranger.channel_id })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/channel_id", code: "no_such_resource" }] },
    });
    expect((await tenant.get<{ data: Template[] }>(`/v1/templates?channel_id=${String(sms["id"])}`)).body.data).toEqual([]);
  });

  test("at one moment twice leaves one of each", async () => {
    const { sync, templates } = await withTemplates([shipped], [hello]);
    await Promise.all([sync(), sync(), sync()]);
    expect(namesOf(await templates())).toEqual(["hello_world en_US", "order_shipped en"]);
  });
});

describe("a list that comes late", () => {
  test("does not undo what was learnt after it was asked for", async () => {
    const { twin, sync, templates, tell, listing } = await withTemplates([shipped]);
    await sync();
    const whole = twin.answer!;
    twin.answer = async (response, asked) => {
      const page = listing.pages;
      expect(await tell("message_template_status_update", { event: "PAUSED", ...ids })).toBe(200);
      listing.pages = page;
      return whole(response, asked);
    };
    await sync();
    expect((await templates())[0]).toMatchObject({ status: "PAUSED" });
  });
});

const ids = { message_template_id: 1, message_template_name: "order_shipped", message_template_language: "en" };

describe("by itself", () => {
  test("a channel's templates come when it is connected, and again every hour", async () => {
    const { world, listing, templates } = await withTemplates([shipped]);
    expect(world.woken).toContain("templates");
    await world.syncTemplates();
    expect(namesOf(await templates())).toEqual(["order_shipped en"]);
    listing.pages = [[shipped, hello]];
    world.advance(hours(1) - minutes(1));
    await world.syncTemplates();
    expect(await templates()).toHaveLength(1);
    world.advance(minutes(2));
    await world.syncTemplates();
    expect(await templates()).toHaveLength(2);
  });

  test("they are asked for again soon where that failed, and nothing is half done", async () => {
    const { world, twin, listing, tenant, channel, templates } = await withTemplates([shipped], [hello]);
    const whole = twin.answer!;
    twin.answer = (response, asked) => (asked.path.includes("after=") ? breaking(response) : whole(response, asked));
    await world.syncTemplates();
    expect(await templates()).toEqual([]);
    expect((await rowsOf(tenant, template_syncs)).find(({ id }) => id === channel.id)).toMatchObject({ status: "scheduled", attempts: 1 });
    twin.answer = whole;
    world.advance(minutes(1));
    await world.syncTemplates();
    expect(await templates()).toHaveLength(listing.pages.length);
  });

  test("a channel that gets an account for them later has them then, and one that is deleted asks no more", async () => {
    const { world, tenant, twin, channel, waba_id, templates } = await withTemplates([shipped]);
    await tenant.patch(`/v1/channels/${channel.id}`, { credentials: { waba_id: null } });
    await world.syncTemplates();
    expect(twin.asked).toEqual([]);
    await tenant.patch(`/v1/channels/${channel.id}`, { credentials: { waba_id } });
    await world.syncTemplates();
    expect(await templates()).toHaveLength(1);
    await tenant.delete(`/v1/channels/${channel.id}`);
    world.advance(hours(2));
    twin.asked.length = 0;
    await world.syncTemplates();
    expect(twin.asked).toEqual([]);
    expect((await rowsOf(tenant, message_templates)).filter(({ account_id }) => account_id === waba_id)).toHaveLength(1);
  });
});

describe("what WhatsApp tells by itself", () => {
  test.each([
    [
      "that it is paused",
      "message_template_status_update",
      { event: "PAUSED", reason: "NONE" },
      { status: "PAUSED", rejected_reason: null },
    ],
    [
      "that it is rejected",
      "message_template_status_update",
      { event: "REJECTED", reason: "SCAM" },
      { status: "REJECTED", rejected_reason: "SCAM" },
    ],
    ["that it is back", "message_template_status_update", { event: "REINSTATED" }, { status: "APPROVED" }],
    ["that it is in use again", "message_template_status_update", { event: "UNARCHIVED" }, { status: "APPROVED" }],
    ["that it is flagged", "message_template_status_update", { event: "FLAGGED" }, { status: "APPROVED" }],
    ["how good it is", "message_template_quality_update", { new_quality_score: "YELLOW" }, { status: "APPROVED", quality: "YELLOW" }],
    ["its category", "template_category_update", { new_category: "MARKETING" }, { category: "MARKETING" }],
  ])("%s is known at once", async (_, field, value, expected) => {
    const { sync, templates, tell, world } = await withTemplates([shipped]);
    await sync();
    expect(await tell(field, { ...ids, ...value }, after(world.now(), seconds(2)))).toBe(200);
    expect(await templates()).toMatchObject([expected]);
  });

  test("of a new text, or of a template that nobody knew, has all of them asked for", async () => {
    const { world, listing, templates, tell } = await withTemplates([shipped]);
    await world.syncTemplates();
    listing.pages = [[{ ...shipped, components: [body("Dear {{1}}, {{2}} is coming.")] }, hello]];
    world.advance(seconds(2));
    await tell("message_template_components_update", { ...ids, message_template_element: "Dear {{1}}, {{2}} is coming." });
    await world.syncTemplates();
    expect(await templates()).toHaveLength(2);
    expect(await templates("&name=order_shipped")).toMatchObject([{ components: [{ text: "Dear {{1}}, {{2}} is coming." }] }]);
    listing.pages = [[shipped, hello, listed("newest", "fr", [body("Bonjour")])]];
    world.advance(seconds(2));
    await tell("message_template_status_update", {
      ...ids,
      message_template_name: "newest",
      message_template_language: "fr",
      event: "APPROVED",
    });
    await world.syncTemplates();
    expect(await templates("&name=newest")).toHaveLength(1);
  });

  test.each(["LOCKED", "UNLOCKED", "UNPAUSED", "LIMIT_EXCEEDED", "WHAT_META_THINKS_OF_NEXT", undefined])(
    "of an event %s, which is no status, has the status asked for, and it can be sent until then",
    async (event) => {
      const { world, listing, templates, tell } = await withTemplates([shipped]);
      await world.syncTemplates();
      world.advance(seconds(2));
      expect(await tell("message_template_status_update", { ...ids, event })).toBe(200);
      expect(await templates()).toMatchObject([{ status: "APPROVED" }]);
      listing.pages = [[{ ...shipped, status: "PAUSED" }]];
      await world.syncTemplates();
      expect(await templates()).toMatchObject([{ status: "PAUSED" }]);
    },
  );

  test("while a list is fetched has it fetched again at once, and once", async () => {
    const { world, twin, listing, templates, tell } = await withTemplates([shipped]);
    const whole = twin.answer!;
    let told = false;
    twin.answer = async (response, asked) => {
      const page = whole(response, asked);
      if (told) return page;
      told = true;
      listing.pages = [[shipped, hello]];
      await tell("message_template_status_update", {
        event: "APPROVED",
        message_template_name: "hello_world",
        message_template_language: "en_US",
      });
      return page;
    };
    await world.syncTemplates();
    expect(namesOf(await templates())).toEqual(["hello_world en_US", "order_shipped en"]);
    expect(twin.asked).toHaveLength(2);
    await world.syncTemplates();
    expect(twin.asked).toHaveLength(2);
  });

  test("while a list fails to come has it asked for soon, whatever failed before", async () => {
    const { world, tenant, twin, channel, tell } = await withTemplates([shipped]);
    twin.answer = breaking;
    for (const pause of [1, 5, 15]) {
      await world.syncTemplates();
      world.advance(minutes(pause));
    }
    twin.answer = async (response) => {
      await tell("message_template_components_update", ids);
      return breaking(response);
    };
    await world.syncTemplates();
    const sync = (await rowsOf(tenant, template_syncs)).find(({ id }) => id === channel.id);
    expect(sync).toMatchObject({ status: "scheduled", attempts: 1 });
    expect(sync!.due_at <= after(world.now(), minutes(1))).toBe(true);
  });

  test("later than something newer changes nothing", async () => {
    const { world, sync, templates, tell } = await withTemplates([shipped]);
    await sync();
    const at = after(world.now(), seconds(10));
    await tell("message_template_status_update", { ...ids, event: "DISABLED" }, at);
    await tell("message_template_status_update", { ...ids, event: "PAUSED" }, after(at, -seconds(5)));
    expect(await templates()).toMatchObject([{ status: "DISABLED" }]);
  });

  test("of an account that no channel of the app has is recorded, and no more", async () => {
    const { tenant, world, channel, sync, templates } = await withTemplates([shipped]);
    await sync();
    const other = await withTemplates([shipped]);
    await other.sync();
    expect(await other.tell("message_template_status_update", { ...ids, event: "PAUSED" }, after(world.now(), seconds(5)))).toBe(200);
    expect(await templates()).toMatchObject([{ status: "APPROVED" }]);
    expect((await tenant.get(`/v1/channels/${channel.id}`)).status).toBe(200);
  });
});

test("another workspace's templates are nobody's", async () => {
  const { world, sync, templates } = await withTemplates([shipped]);
  await sync();
  const [template] = await templates();
  const stranger = await world.tenant();
  expect((await stranger.get<{ data: unknown[] }>("/v1/templates")).body.data).toEqual([]);
  expect((await stranger.get(`/v1/templates/${template!.id}`)).status).toBe(404);
  expect((await stranger.post(`/v1/templates/${template!.id}/preview`, { variables: {} })).status).toBe(404);
});

test("the sandbox has believable ones, in three languages", async () => {
  const tenant = await (await createWorld()).tenant();
  await tenant.post("/v1/templates/sync");
  const { body: page } = await tenant.get<{ data: Template[] }>("/v1/templates?name=order_shipped&status=APPROVED");
  expect(page.data.map(({ language }) => language).toSorted()).toEqual(["ar", "en", "fr"]);
  const languages = await tenant.get<{ data: Template[] }>("/v1/templates?language=ar&category=UTILITY");
  expect(languages.body.data.map(({ status }) => status).toSorted()).toEqual(["APPROVED", "PENDING"]);
});
