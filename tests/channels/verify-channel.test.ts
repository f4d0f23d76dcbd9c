import { describe, expect, test } from "vitest";
import { audit_log } from "../../src/audit/tables.ts";
import type { Channel, ChannelVerification } from "../../src/channels/contract.ts";
import { answering, breaking, createGraphTwin, refusing } from "../support/graph-twin.ts";
import { rowsOf } from "../support/rows.ts";
import { answeringJson, createTwilioTwin, refusing as refusingByTwilio } from "../support/twilio.ts";
import { createWorld } from "../support/world.ts";

const access_token = "EAAsecrettoken";
const auth_token = "the token of an account";
const meta = { app_secret: "the secret of an app", verify_token: "the word for Meta", access_token };

async function withGraph(channel: "whatsapp" | "instagram" | "facebook_page" = "whatsapp") {
  const twin = await createGraphTwin();
  const world = await createWorld({ settings: { meta_graph_url: twin.url, instagram_graph_url: twin.url } });
  const tenant = await world.tenant();
  const { body } = await tenant.post<Channel>("/v1/channels", { channel, name: "Support", account_id: twin.account_id, credentials: meta });
  const path = `/v1/channels/${body.id}`;
  const verify = () => tenant.post<ChannelVerification>(`${path}/verify`);
  const read = async () => (await tenant.get<Channel>(path)).body;
  return { world, tenant, twin, path, verify, read };
}

describe("Meta", () => {
  test.each([
    [
      "whatsapp",
      { display_phone_number: "+1 555 010 0200", verified_name: "A shop" },
      "+1 555 010 0200, A shop",
      "id,display_phone_number,verified_name",
    ],
    ["instagram", { username: "a.shop" }, "a.shop", "id,username"],
    ["facebook_page", { name: "A shop" }, "A shop", "id,name"],
  ] as const)("is asked for the account of %s, once, and says how it is called", async (channel, node, name, fields) => {
    const { twin, verify, read } = await withGraph(channel);
    twin.answer = answering(200, { id: twin.account_id, ...node });
    const { status, body } = await verify();
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: "channel_verification", ok: true, code: null, provider_code: null });
    expect(body.detail).toContain(name);
    expect(body.channel).toEqual(await read());
    expect(body.channel).toMatchObject({ status: "connected", error: null, verified_at: body.checked_at });
    expect(twin.asked).toMatchObject([
      {
        method: "GET",
        path: `/v23.0/${twin.account_id}?fields=${fields}`,
        headers: { authorization: `Bearer ${access_token}`, "user-agent": "Wassla/1.0.0" },
      },
    ]);
  });

  test("that refuses turns the channel to error, and that takes it again back to connected", async () => {
    const { twin, verify, read } = await withGraph();
    twin.answer = refusing(401, 190);
    const refusal = { code: "channel_auth_failed", provider_code: "190" };
    expect((await verify()).body).toMatchObject({ ok: false, ...refusal, channel: { status: "error", error: refusal, verified_at: null } });
    twin.answer = answering(200, { id: twin.account_id });
    expect((await verify()).body).toMatchObject({ ok: true, channel: { status: "connected", error: null } });
    expect((await read()).verified_at).not.toBeNull();
  });

  test.each([
    [400, 100, "provider_invalid_request"],
    [403, 10, "channel_permission_denied"],
  ])("that has no such account (%i, %i) turns it to error too", async (status, code, ours) => {
    const { twin, verify } = await withGraph();
    twin.answer = refusing(status, code);
    expect((await verify()).body).toMatchObject({ ok: false, code: ours, channel: { status: "error", error: { code: ours } } });
  });

  test.each([
    ["drops the connection", breaking, "provider_unavailable"],
    ["has too much to do", refusing(429, 4), "provider_rate_limited"],
    ["is down", answering(502, "Bad gateway"), "provider_unavailable"],
    ["answers with a page", (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"), "provider_unavailable"],
    [
      "breaks off in the middle",
      (response) => response.writeHead(200, { "content-length": "100" }).end('{"id"', () => response.destroy()),
      "provider_unavailable",
    ],
  ] as [string, NonNullable<Awaited<ReturnType<typeof withGraph>>["twin"]["answer"]>, string][])(
    "that %s says nothing of the channel, which stays as it is",
    async (_, answer, code) => {
      const { twin, verify, read } = await withGraph();
      const before = await read();
      twin.answer = answer;
      const { status, body } = await verify();
      expect([status, body.ok, body.code]).toEqual([200, false, code]);
      expect(await read()).toEqual(before);
      twin.answer = refusing(401, 190);
      await verify();
      const broken = await read();
      twin.answer = answer;
      expect((await verify()).body.ok).toBe(false);
      expect(await read()).toEqual(broken);
    },
  );

  test("that repeats the token has it taken out of the answer, the row and the audit log", async () => {
    const { tenant, twin, verify, read } = await withGraph();
    twin.answer = answering(400, { error: { code: 190, message: `Bad token ${access_token}` } });
    const shown = JSON.stringify([(await verify()).body, await read(), await rowsOf(tenant, audit_log)]);
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain(access_token);
  });

  test("is asked before the transaction: what changes meanwhile is not undone", async () => {
    const { tenant, twin, path, verify, read } = await withGraph();
    twin.answer = async (response) => {
      await tenant.patch(path, { name: "Sales", credentials: { access_token: "EAAanothertoken" } });
      refusing(401, 190)(response);
    };
    expect((await verify()).body).toMatchObject({
      ok: false,
      code: "channel_auth_failed",
      channel: { status: "connected", name: "Sales" },
    });
    expect(await read()).toMatchObject({ status: "connected", error: null, name: "Sales" });
  });

  test("that is asked for a channel which is deleted meanwhile finds it gone", async () => {
    const { tenant, twin, path, verify } = await withGraph();
    twin.answer = async (response) => {
      await tenant.delete(path);
      answering(200, { id: twin.account_id })(response);
    };
    expect((await verify()).status).toBe(404);
  });

  test("connects nothing that somebody disconnected", async () => {
    const { tenant, twin, path, verify } = await withGraph();
    await tenant.patch(path, { status: "disconnected" });
    twin.answer = answering(200, { id: twin.account_id });
    expect((await verify()).body).toMatchObject({
      ok: true,
      channel: { status: "disconnected", verified_at: expect.any(String) as unknown },
    });
  });

  test("is asked once for one Idempotency-Key", async () => {
    const { tenant, twin, path } = await withGraph();
    twin.answer = answering(200, { id: twin.account_id });
    for (let time = 0; time < 2; time++)
      expect((await tenant.post(`${path}/verify`, undefined, { headers: { "Idempotency-Key": "once" } })).status).toBe(200);
    expect(twin.asked).toHaveLength(1);
  });

  test("says in the audit log how it went", async () => {
    const { tenant, twin, verify } = await withGraph();
    twin.answer = refusing(401, 190);
    await verify();
    const deeds = (await rowsOf(tenant, audit_log)).filter(({ action }) => action === "channel.verified");
    expect(deeds).toMatchObject([{ details: { ok: false, code: "channel_auth_failed", provider_code: "190" } }]);
  });
});

describe("Twilio", () => {
  async function withTwilio(channel: "twilio_sms" | "twilio_voice" = "twilio_sms", account_id = "+15550100200") {
    const twin = await createTwilioTwin();
    const world = await createWorld({ settings: { twilio_api_url: twin.url } });
    const tenant = await world.tenant();
    const credentials = { account_sid: twin.account_sid, auth_token };
    const { body } = await tenant.post<Channel>("/v1/channels", { channel, name: "SMS", account_id, credentials });
    const numbers = { is: [account_id] };
    const account = { status: "active", friendly_name: "A shop" };
    twin.answer = (response, { path }) =>
      path.includes("IncomingPhoneNumbers")
        ? answeringJson(200, { incoming_phone_numbers: numbers.is.map((phone_number) => ({ phone_number })) })(response)
        : answeringJson(200, account)(response);
    const verify = async () => (await tenant.post<ChannelVerification>(`/v1/channels/${body.id}/verify`)).body;
    return { twin, numbers, account, verify };
  }

  test.each(["twilio_sms", "twilio_voice"] as const)("is asked for the account and its number on %s", async (channel) => {
    const { twin, verify } = await withTwilio(channel);
    expect(await verify()).toMatchObject({ ok: true, detail: "Twilio knows it as A shop.", channel: { status: "connected" } });
    const accounts = `/2010-04-01/Accounts/${twin.account_sid}`;
    expect(twin.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET ${accounts}.json`,
      `GET ${accounts}/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100200`,
    ]);
    expect(twin.asked[0]!.headers["authorization"]).toBe(`Basic ${Buffer.from(`${twin.account_sid}:${auth_token}`).toString("base64")}`);
  });

  test("that does not know the number, or suspended the account, turns the channel to error", async () => {
    const { numbers, account, verify } = await withTwilio();
    numbers.is = [];
    expect(await verify()).toMatchObject({ ok: false, code: "provider_invalid_request", channel: { status: "error" } });
    account.status = "suspended";
    expect(await verify()).toMatchObject({ ok: false, detail: "The account is suspended.", channel: { status: "error" } });
  });

  test("is asked for no number where messages come from a short code", async () => {
    const { twin, verify } = await withTwilio("twilio_sms", "24273");
    expect(await verify()).toMatchObject({ ok: true });
    expect(twin.asked).toHaveLength(1);
  });

  test("that refuses the token turns the channel to error", async () => {
    const { twin, verify } = await withTwilio();
    twin.answer = refusingByTwilio(401, 20003);
    expect(await verify()).toMatchObject({ ok: false, code: "channel_auth_failed", provider_code: "20003", channel: { status: "error" } });
  });
});

test("the sandbox is asked nothing, and is always there", async () => {
  const tenant = await (await createWorld()).tenant();
  expect((await tenant.post(`/v1/channels/${tenant.channel_id}/verify`)).body).toMatchObject({
    ok: true,
    channel: { status: "connected" },
  });
});
