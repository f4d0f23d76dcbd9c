import { expect, test } from "vitest";
import { errors, type ErrorCode } from "../../src/core/errors.ts";
import type { Id } from "../../src/core/ids.ts";
import { published } from "../../src/http/rest.ts";
import { createReceiver } from "../support/receiver.ts";
import { join } from "../support/team.ts";
import { roomInMinute } from "../support/windows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

type Problem = Record<string, unknown> & { code: ErrorCode; instance: string; request_id: string };
type Input = Record<string, unknown>;

/** The same question by REST and by the typed client's door, with the same key. */
function doorsOf(world: World) {
  const rest = async (procedure: string, input: Input, key: string): Promise<Problem> => {
    const { method, path } = published.find((operation) => operation.procedure === procedure)!;
    const left = { ...input };
    const target = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = String(left[name]);
      delete left[name];
      return encodeURIComponent(value);
    });
    const in_query = method === "GET" || method === "DELETE";
    const pairs = Object.entries(left).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, String(one)]));
    const query = in_query && pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : "";
    const { body } = await world.request<Problem>(target + query, { method, key, ...(!in_query && { body: left }) });
    return body;
  };
  const rpc = async (procedure: string, input: Input, key: string): Promise<Problem> => {
    const is_query = published.find((operation) => operation.procedure === procedure)!.method === "GET";
    const { body } = await world.request<{ error: { data: { problem: Problem } } }>(
      `/trpc/${procedure}${is_query ? `?input=${encodeURIComponent(JSON.stringify(input))}` : ""}`,
      { method: is_query ? "GET" : "POST", key, ...(!is_query && { body: input }) },
    );
    return body.error.data.problem;
  };
  return { rest, rpc };
}

const no_such = "01m7x0q4w6e8r9t2y3v5n7b1c4";
const text = { type: "text", text: "Good day" };

interface Case {
  world: World;
  tenant: Tenant;
}
/** What is asked, and how things must stand for it to be refused. */
type Refusal = [code: ErrorCode, what: string, procedure: string, arrange: (given: Case) => Promise<Input> | Input, key?: KeyOf];
type KeyOf = (given: Case) => Promise<string> | string;

const closedConversation = async ({ tenant }: Case): Promise<Id<"conv">> => {
  const { id } = await tenant.hears("Hello");
  await tenant.post(`/v1/conversations/${id}/close`);
  return id;
};
const minted =
  (given: Parameters<Tenant["mint"]>[0]): KeyOf =>
  async ({ tenant }) =>
    (await tenant.mint(given)).token;

const refusals: Refusal[] = [
  ["validation_failed", "a number that is too large", "conversations.list", () => ({ limit: 101 })],
  ["validation_failed", "several faults at once", "contacts.upsert", () => ({ name: "", external_id: 7, surprise: 1 })],
  ["validation_failed", "a reference that names nothing", "conversations.list", () => ({ channel_id: `chan_${no_such}` })],
  ["validation_failed", "a null character", "contacts.upsert", () => ({ name: "a\0b" })],
  ["validation_failed", "a field that is missing", "webhookEndpoints.create", () => ({ url: "https://example.com" })],
  ["invalid_cursor", "a cursor of nobody's", "contacts.list", () => ({ cursor: "eyJhIjoxfQ" })],
  ["not_found", "an id that nobody has", "messages.get", () => ({ message_id: `msg_${no_such}` })],
  ["not_found", "an id of something else", "contacts.get", () => ({ contact_id: `conv_${no_such}` })],
  [
    "not_found",
    "another tenant's",
    "conversations.get",
    async ({ world }) => ({ conversation_id: (await (await world.tenant()).hears("Hello")).id }),
  ],
  ["unauthorized", "a key that is mistyped", "me.get", () => ({}), () => "wsk_live_nonsense"],
  ["unauthorized", "a key that is expired", "me.get", () => ({}), minted({ expires_at: "2026-01-01T00:00:00.000Z" })],
  [
    "unauthorized",
    "a key that was revoked",
    "me.get",
    () => ({}),
    async ({ tenant }) => {
      const { id, token } = await tenant.mint();
      await tenant.post(`/v1/api_keys/${id}/revoke`);
      return token;
    },
  ],
  ["forbidden", "a key without the scope", "webhookSecret.rotate", () => ({}), minted({ scopes: ["read"] })],
  [
    "conversation_closed",
    "a message into what is closed",
    "messages.sendInConversation",
    async (given) => ({ conversation_id: await closedConversation(given), content: text }),
  ],
  [
    "invalid_status_transition",
    "reopening what is open",
    "conversations.reopen",
    async ({ tenant }) => ({ conversation_id: (await tenant.hears("Hello")).id }),
  ],
  ["last_owner", "removing the only one", "teamMembers.remove", async ({ tenant }) => ({ team_member_id: await join(tenant, "owner") })],
  [
    "messaging_window_closed",
    "free text after a day",
    "messages.sendInConversation",
    async ({ world, tenant }) => {
      const { id } = await tenant.hears("Hello");
      world.advance(25 * 3_600_000);
      return { conversation_id: id, content: text };
    },
  ],
  [
    "message_not_retryable",
    "sending again what was received",
    "messages.retry",
    async ({ tenant }) => {
      await tenant.hears("Hello");
      const { body } = await tenant.get<{ data: { id: string }[] }>("/v1/messages");
      return { message_id: body.data[0]!.id };
    },
  ],
  [
    "duplicate_external_id",
    "another contact's own id",
    "contacts.update",
    async ({ tenant }) => {
      await tenant.post("/v1/contacts", { external_id: "A-1" });
      const { body } = await tenant.post("/v1/contacts", { external_id: "A-2" });
      return { contact_id: body["id"], external_id: "A-1" };
    },
  ],
  [
    "template_not_found",
    "a template that is not there",
    "messages.sendInConversation",
    async ({ tenant }) => ({
      conversation_id: (await tenant.hears("Hello")).id,
      content: { type: "template", name: "never_made", language: "en" },
    }),
  ],
  [
    "template_not_approved",
    "a template that was rejected",
    "messages.sendInConversation",
    async ({ tenant }) => {
      await tenant.post("/v1/templates/sync");
      const content = { type: "template", name: "win_back", language: "en", variables: { "1": "Sara" } };
      return { conversation_id: (await tenant.hears("Hello")).id, content };
    },
  ],
  [
    "template_params_invalid",
    "a template without its variables",
    "messages.sendInConversation",
    async ({ tenant }) => {
      await tenant.post("/v1/templates/sync");
      return { conversation_id: (await tenant.hears("Hello")).id, content: { type: "template", name: "order_shipped", language: "en" } };
    },
  ],
  [
    "duplicate_channel",
    "an account that is connected already",
    "channels.create",
    async ({ tenant }) => {
      const sms = {
        channel: "twilio_sms",
        name: "SMS",
        account_id: "+15550100200",
        credentials: { account_sid: `AC${"0".repeat(32)}`, auth_token: "a token of theirs" },
      };
      await tenant.post("/v1/channels", sms);
      return sms;
    },
  ],
  [
    "recipient_unreachable",
    "somebody the channel cannot reach",
    "messages.send",
    ({ tenant }) => ({
      channel_id: tenant.channel_id,
      to: { kind: "visitor", value: "v-1" },
      content: text,
    }),
  ],
  [
    "webhook_url_not_allowed",
    "an endpoint of another scheme",
    "webhookEndpoints.create",
    () => ({ url: "ftp://example.com", event_types: ["new_message"] }),
  ],
  [
    "endpoint_disabled",
    "a replay to what is gone",
    "webhookDeliveries.replay",
    async ({ world, tenant }) => {
      const { id } = await tenant.endpoint((await createReceiver(500)).url);
      await tenant.hears("Hello");
      await world.deliver();
      const { body } = await tenant.get<{ data: { id: string }[] }>("/v1/webhook_deliveries");
      await tenant.delete(`/v1/webhook_endpoints/${id}`);
      return { delivery_id: body.data[0]!.id };
    },
  ],
];

test.each(refusals)("%s, for %s, is the same problem at both doors", async (code, _, procedure, arrange, keyOf) => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { rest, rpc } = doorsOf(world);
  const input = await arrange({ world, tenant });
  const key = keyOf ? await keyOf({ world, tenant }) : tenant.api_key;
  const [at_rest, at_rpc] = [await rest(procedure, input, key), await rpc(procedure, input, key)];
  expect(at_rest.code).toBe(code);
  const instance = published.find((operation) => operation.procedure === procedure)!.path;
  expect(at_rest.instance).toBe(instance);
  expect(at_rpc.request_id).not.toBe(at_rest.request_id);
  expect({ ...at_rpc, request_id: "", instance }).toEqual({ ...at_rest, request_id: "" });
});

test("too_many_requests is the same problem at both doors", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { token } = await tenant.mint({ rate_limit_per_minute: 1 });
  const { rest, rpc } = doorsOf(world);
  await roomInMinute(world.services.db);
  await world.request("/v1/me", { key: token });
  const [at_rest, at_rpc] = [await rest("me.get", {}, token), await rpc("me.get", {}, token)];
  expect(at_rest).toMatchObject({ code: "too_many_requests", limit: { scope: "key", limit: 1 } });
  expect({ ...at_rpc, request_id: "", instance: "" }).toEqual({ ...at_rest, request_id: "", instance: "" });
});

test("the table has a case for every refusal that needs neither a header nor a fault of ours", () => {
  const elsewhere = new Set<ErrorCode>([
    // Of the body's own form, and of the wire.
    "malformed_json",
    "payload_too_large",
    "unsupported_media_type",
    "method_not_allowed",
    "malformed_request",
    "request_timeout",
    "headers_too_large",
    // Of REST's headers.
    "precondition_failed",
    "idempotency_in_progress",
    "idempotency_key_reused",
    // Of a moment, a number or a provider that single tests arrange.
    "too_many_requests",
    "delivery_in_progress",
    "limit_reached",
    "channel_disconnected",
    "call_not_active",
    "recipient_opted_out",
    // Of the portal's sign-in, and of the web widget, which are no part of /v1.
    "invitation_not_valid",
    "origin_not_allowed",
    "identity_not_verified",
    "content_type_unsupported",
    "insufficient_credits",
    "internal_error",
    "service_unavailable",
  ]);
  const here = new Set(refusals.map(([code]) => code));
  const missing = (Object.keys(errors) as ErrorCode[]).filter((code) => !here.has(code) && !elsewhere.has(code));
  expect(missing).toEqual([]);
});
