import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Channel } from "../../src/channels/contract.ts";
import { channel_routes, channels } from "../../src/channels/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import type { Message } from "../../src/messages/contract.ts";
import { callbackOf, freshNumber, saying, signed } from "../support/channels.ts";
import { createGraphTwin, freshAccount, refusing } from "../support/graph-twin.ts";
import { rowsOf } from "../support/rows.ts";
import { breakAt } from "../support/webhooks.ts";
import { createWorld, type Tenant } from "../support/world.ts";

const secrets = { app_secret: "the secret of an app", verify_token: "the word for Meta", access_token: "EAAsecrettoken" };
const sid = `AC${"0".repeat(32)}`;

const whatsappOf = (account_id = freshAccount(), more: object = {}) => ({
  channel: "whatsapp",
  name: "Support",
  account_id,
  credentials: secrets,
  ...more,
});
const smsOf = (credentials: object = {}, account_id = "+15550100200") => ({
  channel: "twilio_sms",
  name: "SMS",
  account_id,
  credentials: { account_sid: sid, auth_token: "the token of an account", ...credentials },
});

const connect = (tenant: Tenant, body: object) => tenant.post<Channel>("/v1/channels", body);
const read = async (tenant: Tenant, id: string) => (await tenant.get<Channel>(`/v1/channels/${id}`)).body;
const change = (tenant: Tenant, id: string, body: object) => tenant.patch<Channel>(`/v1/channels/${id}`, body);
const rowOf = async (tenant: Tenant, id: string) => (await rowsOf(tenant, channels)).find((row) => row.id === id)!;
const deedsOf = async (tenant: Tenant) =>
  (await rowsOf(tenant, audit_log)).filter(({ action }) => action.startsWith("channel.")).toSorted((a, b) => (a.id < b.id ? -1 : 1));

async function withChannel(given: object = {}) {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
  const tenant = await world.tenant();
  const { body } = await connect(tenant, whatsappOf(twin.account_id, given));
  const post = (said: string) =>
    world.request(`/hooks/meta/${body.id}`, { method: "POST", body: said, headers: signed(said, secrets.app_secret) });
  const hears = async (text: string) => {
    const { status } = await post(callbackOf(saying(world, twin.account_id, text)));
    const { body: list } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${body.id}&limit=1`);
    return { status, conversation: list.data[0]! };
  };
  return { world, tenant, twin, channel: body, post, hears };
}

describe("connecting", () => {
  test("makes a channel that says what to enter at the provider, and what it can carry", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const account_id = freshAccount();
    const { status, headers, body } = await connect(tenant, whatsappOf(account_id));
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`/v1/channels/${body.id}`);
    expect(body).toMatchObject({
      object: "channel",
      channel: "whatsapp",
      provider: "whatsapp",
      name: "Support",
      account_id,
      status: "connected",
      error: null,
      verified_at: null,
      credential_fields: ["access_token", "app_secret", "verify_token"],
      capabilities: { text_limit: { max: 4096, unit: "characters" }, messaging_window: true, human_agent: false },
      hook_urls: [{ hook: "callback", url: `https://api.wassla.test/hooks/meta/${body.id}` }],
    });
    expect(await read(tenant, body.id)).toEqual(body);
  });

  test("of a telephone line names both hooks that a person enters", async () => {
    const tenant = await (await createWorld()).tenant();
    const { body } = await connect(tenant, { ...smsOf(), channel: "twilio_voice" });
    const hooks = `https://api.wassla.test/hooks/twilio/${body.id}`;
    expect(body.hook_urls).toEqual([
      { hook: "voice", url: `${hooks}/voice` },
      { hook: "status", url: `${hooks}/status` },
    ]);
    expect((await connect(tenant, smsOf())).body.hook_urls).toMatchObject([{ hook: "sms" }]);
  });

  test("lets the provider in by what it was given, at once", async () => {
    const { world, channel, hears } = await withChannel();
    const question = new URLSearchParams({ "hub.mode": "subscribe", "hub.verify_token": secrets.verify_token, "hub.challenge": "42" });
    const answer = await world.app.request(`/hooks/meta/${channel.id}?${question.toString()}`);
    expect([answer.status, await answer.text()]).toEqual([200, "42"]);
    expect(await hears("Hello")).toMatchObject({ status: 200, conversation: { channel_id: channel.id, message_count: 1 } });
  });

  test("by the sandbox needs no account", async () => {
    const tenant = await (await createWorld()).tenant();
    const sandbox = { channel: "instagram", provider: "sandbox", name: "Try", account_id: "anything", credentials: { token: "a word" } };
    expect(await connect(tenant, sandbox)).toMatchObject({ status: 201, body: { provider: "sandbox", channel: "instagram" } });
    expect(await connect(tenant, sandbox)).toMatchObject({ status: 201 });
  });

  test("of a website needs the origins of its pages and a secret of its own, and nothing is entered anywhere", async () => {
    const tenant = await (await createWorld()).tenant();
    const credentials = { allowed_origins: ["https://shop.example/"], identity_secret: "x".repeat(32) };
    const widget = { channel: "web_widget", name: "Website", account_id: "shop.example", credentials };
    expect(await connect(tenant, widget)).toMatchObject({
      status: 201,
      body: { provider: "web_widget", credential_fields: ["allowed_origins", "identity_secret"], hook_urls: [], status: "connected" },
    });
    expect(
      await connect(tenant, { ...widget, account_id: "other", credentials: { ...credentials, allowed_origins: ["*"] } }),
    ).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/credentials/allowed_origins/0", code: "invalid_origin" }] },
    });
  });

  test("keeps blanks around what was pasted out", async () => {
    const tenant = await (await createWorld()).tenant();
    const account_id = freshAccount();
    const { body } = await connect(tenant, whatsappOf(` ${account_id}\n`, { credentials: { ...secrets, access_token: " EAAtoken\n" } }));
    expect(body.account_id).toBe(account_id);
  });

  test.for<[string, object, object[]]>([
    ["another's provider", whatsappOf(undefined, { provider: "instagram" }), [{ pointer: "/provider", code: "not_allowed" }]],
    ["an unknown channel", whatsappOf(undefined, { channel: "telegram" }), [{ pointer: "/channel", code: "not_allowed" }]],
    ["no name", whatsappOf(undefined, { name: " " }), [{ pointer: "/name", code: "too_small" }]],
    [
      "a phone number where its id belongs",
      whatsappOf("+15550100200"),
      [
        {
          pointer: "/account_id",
          code: "invalid_format",
          detail: "account_id: Must be 5 to 25 digits. The phone number's id (WhatsApp → API setup), not the number.",
        },
      ],
    ],
    ["a number that is none", smsOf({}, "+0123"), [{ pointer: "/account_id", code: "invalid_format" }]],
    [
      "no credentials",
      whatsappOf(undefined, { credentials: {} }),
      [
        { pointer: "/credentials/app_secret", code: "required" },
        { pointer: "/credentials/verify_token", code: "required" },
        { pointer: "/credentials/access_token", code: "required" },
      ],
    ],
    ["an empty secret", smsOf({ auth_token: " " }), [{ pointer: "/credentials/auth_token", code: "too_small" }]],
    ["another provider's field", smsOf({ access_token: "x" }), [{ pointer: "/credentials/access_token", code: "unknown_field" }]],
    ["a field of nobody's", smsOf({ password: "x" }), [{ pointer: "/credentials/password", code: "unknown_field" }]],
    ["an account that is none", smsOf({ account_sid: "AC1" }), [{ pointer: "/credentials/account_sid", code: "invalid_format" }]],
    [
      "a token that no header carries",
      whatsappOf(undefined, { credentials: { ...secrets, access_token: "EAA\ntoken" } }),
      [{ pointer: "/credentials/access_token", code: "invalid_format" }],
    ],
  ])("with %s is refused, naming it, and makes nothing", async ([, body, errors]) => {
    const tenant = await (await createWorld()).tenant();
    const refused = await connect(tenant, body);
    expect(refused).toMatchObject({ status: 400, body: { code: "validation_failed", errors } });
    expect(JSON.stringify(refused.body)).not.toContain(secrets.app_secret);
    expect(await rowsOf(tenant, channels)).toHaveLength(1);
  });

  test("an account twice is refused, also at one moment; another workspace may have it too", async () => {
    const world = await createWorld();
    const [tenant, stranger] = [await world.tenant(), await world.tenant()];
    const account = whatsappOf();
    const answers = await Promise.all([connect(tenant, account), connect(tenant, account)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: "duplicate_channel" });
    expect(await rowsOf(tenant, channels)).toHaveLength(2);
    expect((await connect(stranger, account)).status).toBe(201);
  });

  test("the number that sends SMS may be called too", async () => {
    const tenant = await (await createWorld()).tenant();
    expect((await connect(tenant, smsOf())).status).toBe(201);
    expect((await connect(tenant, { ...smsOf(), channel: "twilio_voice" })).status).toBe(201);
  });

  test("that fails at its audit entry has not happened", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const mend = breakAt(world, "aud");
    const account = whatsappOf();
    expect((await connect(tenant, account)).status).toBe(500);
    mend();
    expect((await connect(tenant, account)).status).toBe(201);
  });
});

describe("an account of two workspaces", () => {
  test("is told by each one's own URL, to that one alone", async () => {
    const { world, tenant, twin, hears } = await withChannel();
    const stranger = await world.tenant();
    const theirs = await connect(stranger, whatsappOf(twin.account_id));
    await hears("Hello");
    const body = callbackOf(saying(world, twin.account_id, "Good day"));
    const told = await world.request(`/hooks/meta/${theirs.body.id}`, { method: "POST", body, headers: signed(body, secrets.app_secret) });
    expect(told.status).toBe(200);
    for (const one of [tenant, stranger]) expect((await one.get<{ data: unknown[] }>("/v1/conversations")).body.data).toHaveLength(1);
  });
});

describe("what is secret", () => {
  test("is sealed on disk, and in no answer and no audit entry", async () => {
    const { tenant, channel } = await withChannel();
    const answers = [
      await change(tenant, channel.id, { credentials: { access_token: "EAAanothertoken" } }),
      await tenant.get("/v1/channels"),
      await tenant.post(`/v1/channels/${channel.id}/verify`),
      await tenant.get(`/v1/channels/${channel.id}`),
    ];
    const row = await rowOf(tenant, channel.id);
    expect(row.credentials).toMatch(/^v1\./);
    const shown = JSON.stringify([channel, answers, await rowsOf(tenant, audit_log)]);
    const untold = [...Object.values(secrets), "EAAanothertoken", row.credentials];
    for (const secret of untold) expect(shown).not.toContain(secret);
    for (const secret of untold.slice(0, -1)) expect(JSON.stringify(row)).not.toContain(secret);
  });
});

describe("a list", () => {
  test("holds the newest first, by status and by channel, and nobody else's", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await connect(await world.tenant(), smsOf());
    const { body: sms } = await connect(tenant, smsOf());
    const { body: whatsapp } = await connect(tenant, whatsappOf());
    await change(tenant, sms.id, { status: "disconnected" });
    const idsOf = async (query: string) =>
      (await tenant.get<{ data: Channel[] }>(`/v1/channels${query}`)).body.data.map(({ id }) => id as string);
    expect(await idsOf("")).toEqual([whatsapp.id, sms.id, tenant.channel_id]);
    expect(await idsOf("?status=disconnected")).toEqual([sms.id]);
    expect(await idsOf("?channel=whatsapp&status=connected&status=error")).toEqual([whatsapp.id, tenant.channel_id]);
    expect(await idsOf("?channel=instagram")).toEqual([]);
  });
});

describe("a change", () => {
  test("is made of what is named, and leaves the rest", async () => {
    const { world, tenant, channel } = await withChannel();
    world.advance(1000);
    const { body } = await change(tenant, channel.id, { name: "Sales" });
    expect(body).toEqual({ ...channel, name: "Sales", updated_at: body.updated_at });
    expect(body.updated_at > channel.updated_at).toBe(true);
  });

  test("of nothing, or to what is so already, changes nothing and is nobody's deed", async () => {
    const { tenant, channel } = await withChannel();
    const deeds = await deedsOf(tenant);
    for (const body of [{}, { name: "Support" }, { status: "connected" }, { credentials: {} }, { credentials: secrets }])
      expect((await change(tenant, channel.id, body)).body).toEqual(channel);
    expect(await deedsOf(tenant)).toEqual(deeds);
  });

  test("of credentials goes field by field: one that is null goes, one that is not named stays", async () => {
    const { tenant, twin, channel, hears } = await withChannel();
    await change(tenant, channel.id, { credentials: { access_token: "EAAanothertoken", waba_id: "102290129340398" } });
    expect((await read(tenant, channel.id)).credential_fields).toEqual(["access_token", "app_secret", "verify_token", "waba_id"]);
    expect((await hears("Hello")).status).toBe(200);
    await tenant.post(`/v1/channels/${channel.id}/verify`);
    expect(twin.asked[0]!.headers["authorization"]).toBe("Bearer EAAanothertoken");

    await change(tenant, channel.id, { credentials: { waba_id: null } });
    expect((await read(tenant, channel.id)).credential_fields).toEqual(["access_token", "app_secret", "verify_token"]);
  });

  test.for<[string, object, number, object]>([
    ["the account", { account_id: "1234567" }, 400, { errors: [{ pointer: "/account_id", code: "unknown_field" }] }],
    ["the provider", { provider: "sandbox" }, 400, { errors: [{ pointer: "/provider", code: "unknown_field" }] }],
    ["the name to nothing", { name: "" }, 400, { errors: [{ pointer: "/name", code: "too_small" }] }],
    ["the status to error", { status: "error" }, 400, { errors: [{ pointer: "/status", code: "not_allowed" }] }],
    [
      "a needed field to nothing",
      { credentials: { app_secret: null } },
      400,
      { errors: [{ pointer: "/credentials/app_secret", code: "required" }] },
    ],
    [
      "a field of another's",
      { credentials: { auth_token: "x" } },
      400,
      { errors: [{ pointer: "/credentials/auth_token", code: "unknown_field" }] },
    ],
  ])("of %s is refused and changes nothing", async ([, body, status, problem]) => {
    const { tenant, channel } = await withChannel();
    expect(await change(tenant, channel.id, body)).toMatchObject({ status, body: problem });
    expect(await read(tenant, channel.id)).toEqual(channel);
  });

  test("is in the audit log: which fields, and never what is in them", async () => {
    const { tenant, channel } = await withChannel();
    await change(tenant, channel.id, { name: "Sales", status: "disconnected", credentials: { access_token: "EAAanothertoken" } });
    expect((await deedsOf(tenant)).at(-1)).toMatchObject({
      action: "channel.updated",
      target_id: channel.id,
      details: {
        changed: ["name", "status", "credentials"],
        from: { name: channel.name, status: "connected" },
        to: { name: "Sales", status: "disconnected" },
      },
    });
    expect(JSON.stringify(await deedsOf(tenant))).not.toContain("EAAanothertoken");
  });
});

describe("a channel that is disconnected", () => {
  test("sends nothing, not even what waited, and still hears", async () => {
    const { world, tenant, twin, channel, hears } = await withChannel();
    const { conversation } = await hears("Hello");
    const content = { type: "text", text: "Good day" };
    const { body: waiting } = await tenant.post<Message>(`/v1/conversations/${conversation.id}/messages`, { content });
    await change(tenant, channel.id, { status: "disconnected" });
    await world.sendQueued();
    expect(twin.asked).toEqual([]);
    expect((await tenant.get(`/v1/messages/${waiting.id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "channel_disconnected" },
    });
    expect(await tenant.post(`/v1/conversations/${conversation.id}/messages`, { content })).toMatchObject({
      status: 409,
      body: { code: "channel_disconnected" },
    });
    expect((await hears("Is anybody there?")).conversation).toMatchObject({ last_message_preview: "Is anybody there?" });

    await change(tenant, channel.id, { status: "connected" });
    expect((await tenant.post(`/v1/messages/${waiting.id}/retry`)).status).toBe(202);
    await world.sendQueued();
    expect(twin.asked).toHaveLength(1);
  });
});

describe("credentials that the provider takes no more", () => {
  async function broken() {
    const given = await withChannel();
    const { conversation } = await given.hears("Hello");
    given.twin.answer = refusing(401, 190);
    const send = () =>
      given.tenant.post<Message>(`/v1/conversations/${conversation.id}/messages`, { content: { type: "text", text: "Good day" } });
    return { ...given, send };
  }

  test("turn the channel to error where a send finds out, and the list says why", async () => {
    const { world, tenant, channel, send } = await broken();
    await send();
    await world.sendQueued();
    const { body } = await tenant.get<{ data: Channel[] }>("/v1/channels?status=error");
    expect(body.data).toMatchObject([{ id: channel.id, status: "error", error: { code: "channel_auth_failed", provider_code: "190" } }]);
  });

  test("are tried all the same, and new ones are a fresh start", async () => {
    const { world, tenant, twin, channel, send } = await broken();
    await send();
    await world.sendQueued();
    expect((await send()).status).toBe(201);
    const { body } = await change(tenant, channel.id, { credentials: { access_token: "EAAanothertoken" } });
    expect(body).toMatchObject({ status: "connected", error: null });
    twin.answer = undefined;
    await world.sendQueued();
    expect(twin.asked.at(-1)!.headers["authorization"]).toBe("Bearer EAAanothertoken");
    expect(await read(tenant, channel.id)).toMatchObject({ status: "connected" });
  });

  test("say nothing of those that took their place while a send was on its way", async () => {
    const { world, tenant, twin, channel, send } = await broken();
    await send();
    twin.answer = async (response) => {
      await change(tenant, channel.id, { credentials: { access_token: "EAAanothertoken" } });
      refusing(401, 190)(response);
    };
    await world.sendQueued();
    expect(await read(tenant, channel.id)).toMatchObject({ status: "connected", error: null });
  });
});

describe("a channel that is deleted", () => {
  test("is gone with its credentials and its hooks, and its conversations stay", async () => {
    const { world, tenant, channel, post, hears } = await withChannel();
    const { conversation } = await hears("Hello");
    expect(await tenant.delete(`/v1/channels/${channel.id}`)).toMatchObject({
      status: 200,
      body: { id: channel.id, object: "channel", deleted: true },
    });

    const row = await rowOf(tenant, channel.id);
    expect(row).toMatchObject({ status: "disconnected", credential_fields: [], deleted_at: expect.any(String) as unknown });
    expect(row.credentials.length).toBeLessThan(100);
    expect((await rowsOf(tenant, channel_routes)).map(({ channel_id }) => channel_id)).toEqual([tenant.channel_id]);
    const told = await post(callbackOf(saying(world, channel.account_id, "Hello?")));
    expect(told.status).toBe(404);

    for (const gone of [await tenant.get(`/v1/channels/${channel.id}`), await tenant.delete(`/v1/channels/${channel.id}`)])
      expect(gone.status).toBe(404);
    expect((await change(tenant, channel.id, { name: "Back" })).status).toBe(404);
    expect((await tenant.post(`/v1/channels/${channel.id}/verify`)).status).toBe(404);
    expect((await tenant.get<{ data: Channel[] }>("/v1/channels")).body.data.map(({ id }) => id)).toEqual([tenant.channel_id]);

    expect((await tenant.get(`/v1/conversations?channel_id=${channel.id}`)).body).toMatchObject({ data: [{ id: conversation.id }] });
    expect((await tenant.get(`/v1/conversations/${conversation.id}/messages`)).status).toBe(200);
    expect((await deedsOf(tenant)).at(-1)).toMatchObject({ action: "channel.deleted", target_id: channel.id });
  });

  test("sends nothing more, whatever waits or is asked for", async () => {
    const { world, tenant, twin, channel, hears } = await withChannel();
    const { conversation } = await hears("Hello");
    const content = { type: "text", text: "Good day" };
    const { body: waiting } = await tenant.post<Message>(`/v1/conversations/${conversation.id}/messages`, { content });
    await tenant.delete(`/v1/channels/${channel.id}`);
    await world.sendQueued();
    expect((await tenant.get(`/v1/messages/${waiting.id}`)).body).toMatchObject({
      status: "failed",
      error: { code: "channel_disconnected" },
    });
    expect(twin.asked).toEqual([]);

    const to = { kind: "phone", value: `+${freshNumber()}` };
    const asked: [string, object][] = [
      [`/v1/conversations/${conversation.id}/messages`, { content }],
      ["/v1/messages", { channel_id: channel.id, to, content }],
      ["/v1/conversations", { channel_id: channel.id, to }],
      [`/v1/messages/${waiting.id}/retry`, {}],
    ];
    for (const [path, body] of asked)
      expect(await tenant.post<Problem>(path, body), path).toMatchObject({ status: 409, body: { code: "channel_disconnected" } });
  });

  test("leaves its account to a new one, which is told of it", async () => {
    const { world, tenant, channel } = await withChannel();
    await tenant.delete(`/v1/channels/${channel.id}`);
    const { body: again } = await connect(tenant, whatsappOf(channel.account_id));
    const other = await connect(tenant, whatsappOf());
    const body = callbackOf(saying(world, channel.account_id, "Hello"));
    await world.request(`/hooks/meta/${other.body.id}`, { method: "POST", body, headers: signed(body, secrets.app_secret) });
    expect((await tenant.get(`/v1/conversations?channel_id=${again.id}`)).body).toMatchObject({ data: [{ message_count: 1 }] });
  });
});
