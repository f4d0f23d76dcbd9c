import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Content, Identity, SendErrorCode } from "../../src/channels/contract.ts";
import type { SendOutcome } from "../../src/channels/providers/provider.ts";
import { whatsapp } from "../../src/channels/providers/whatsapp.ts";
import type { Network, Settings } from "../../src/core/context.ts";
import { recorded, recordedTest, recording } from "../support/payloads.ts";

interface Asked {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** A twin of the Graph API on the loopback: it keeps what it was asked, and answers as the test says. */
let twin: Server;
let asked: Asked[];
let answer: (response: ServerResponse) => void;

const json = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  answer = (response) => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};

beforeAll(async () => {
  twin = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({ method, url, headers, body: JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown> });
      answer(response);
    });
  });
  await once(twin.listen(0, "127.0.0.1"), "listening");
});
beforeEach(() => {
  asked = [];
  json(200, { messaging_product: "whatsapp", messages: [{ id: "wamid.out1" }] });
});
afterAll(() => {
  twin.closeAllConnections();
  twin.close();
});

const access_token = "EAAtokenofachannel";
const phone: Identity = { kind: "phone", value: "4915110000001" };
const user: Identity = { kind: "whatsapp_user", value: "DE.7001" };
const hello: Content = { type: "text", text: "Hello" };
const message_id = "msg_01m7x0q4w6e8r9t2y3v5n7b1c4";
const channel_id = "chan_01m7x0q4w6e8r9t2y3v5n7b1c4";

const network = (over: Partial<Network> = {}): Network => ({
  fetch,
  resolve: () => Promise.resolve([]),
  allow_private_webhooks: true,
  own_host: "wassla.example",
  ...over,
});
const twinUrl = () => `http://127.0.0.1:${(twin.address() as AddressInfo).port}`;
const settings = (meta_graph_url = twinUrl()): Settings => ({
  public_url: "http://wassla.example",
  meta_graph_url,
  instagram_graph_url: meta_graph_url,
  meta_graph_version: "v23.0",
  twilio_api_url: "http://127.0.0.1:1",
});

interface Case {
  to?: Identity[];
  content?: Content;
  token?: string;
  graph_url?: string;
  over?: Partial<Network>;
}
const send = ({ to = [phone], content = hello, token = access_token, graph_url, over }: Case = {}): Promise<SendOutcome> =>
  whatsapp.send(
    { message_id, channel_id, account_id: "number-7", to, content, as_human_agent: false },
    { access_token: token },
    { network: network(over), settings: settings(graph_url) },
  );

describe("the request", () => {
  test("is signed, named and correlated", async () => {
    expect(await send()).toEqual({ outcome: "sent", external_id: "wamid.out1", status: "sent" });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      method: "POST",
      url: "/v23.0/number-7/messages",
      headers: { authorization: `Bearer ${access_token}`, "user-agent": "Wassla/1.0.0", "content-type": "application/json" },
      body: {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        to: phone.value,
        biz_opaque_callback_data: message_id,
        type: "text",
        text: { body: "Hello", preview_url: false },
      },
    });
  });

  test("goes to the first address that WhatsApp knows, be it the phone number or the user id", async () => {
    await send({ to: [phone, user] });
    await send({ to: [user, phone] });
    await send({ to: [{ kind: "instagram_user", value: "7" }, user] });
    expect(asked.map(({ body }) => [body["to"], body["recipient"]])).toEqual([
      [phone.value, undefined],
      [undefined, user.value],
      [undefined, user.value],
    ]);
  });

  const link = "https://files.example/sent/Invoice%207.pdf?key=1";
  test.each<[Content & { type: "media" }, object]>([
    [
      { type: "media", media_type: "image", url: link, caption: "Look" },
      { type: "image", image: { link, caption: "Look" } },
    ],
    [
      { type: "media", media_type: "video", url: link, caption: null },
      { type: "video", video: { link } },
    ],
    [
      { type: "media", media_type: "document", url: link, caption: "Yours" },
      { type: "document", document: { link, caption: "Yours", filename: "Invoice 7.pdf" } },
    ],
    [
      { type: "media", media_type: "document", url: "https://files.example/%E0%A4%A", caption: null },
      { type: "document", document: { link: "https://files.example/%E0%A4%A" } },
    ],
    [
      { type: "media", media_type: "audio", url: link, caption: null },
      { type: "audio", audio: { link } },
    ],
    [
      { type: "media", media_type: "sticker", url: link, caption: null },
      { type: "sticker", sticker: { link } },
    ],
  ])("carries %j", async (content, part) => {
    await send({ content });
    const { messaging_product: _, recipient_type: __, to: ___, biz_opaque_callback_data: ____, ...rest } = asked[0]!.body;
    expect(rest).toEqual(part);
  });

  recordedTest.each<[string, Content]>([
    ["request-send-text-message", hello],
    ["request-send-image-message-by-url", { type: "media", media_type: "image", url: "https://files.example/a.png", caption: null }],
  ])("has the fields of Meta's own example %s", async (name, content) => {
    await send({ content });
    const example = JSON.parse(new TextDecoder().decode(recording("whatsapp/outbound", name))) as Record<string, unknown>;
    const { biz_opaque_callback_data: _, ...body } = asked[0]!.body;
    expect(shapeOf(body)).toEqual(shapeOf(example));
    for (const same of ["messaging_product", "recipient_type", "type"]) expect(body[same]).toBe(example[same]);
  });

  test.each<[string, Case, SendErrorCode]>([
    ["nobody to send to", { to: [] }, "recipient_unreachable"],
    ["somebody of another channel", { to: [{ kind: "page_user", value: "7" }] }, "recipient_unreachable"],
    ["no token", { token: "" }, "channel_auth_failed"],
    ["a token that fits in no header", { token: "EAA\nX-Other: 1" }, "channel_auth_failed"],
    [
      "a file without an address",
      { content: { type: "media", media_type: "image", url: null, caption: null } },
      "content_type_unsupported",
    ],
    [
      "a caption that would be lost",
      { content: { type: "media", media_type: "audio", url: "https://a.example", caption: "Hear" } },
      "content_type_unsupported",
    ],
  ])("is not made with %s", async (_, given, code) => {
    expect(await send(given)).toMatchObject({ outcome: "failed", error: { code, provider_code: null } });
    expect(asked).toHaveLength(0);
  });
});

describe("an answer of success", () => {
  recordedTest("as Meta's own examples have it gives the message's id", async () => {
    for (const name of ["response-example-response", "response-send-text-message"]) {
      const body = JSON.parse(new TextDecoder().decode(recording("whatsapp/outbound", name))) as { messages: [{ id: string }] };
      json(200, body);
      expect(await send()).toMatchObject({ outcome: "sent", external_id: body.messages[0].id, status: "sent" });
    }
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["has no id", (response) => void response.end(`{"success":true}`)],
    ["has an empty id", (response) => void response.end(`{"messages":[{"id":""}]}`)],
    ["is not JSON", (response) => void response.end("<html>")],
    ["is empty", (response) => void response.writeHead(204).end()],
    [
      "breaks off",
      (response) => {
        response.writeHead(200, { "content-length": "1000" }).write(`{"messages":[{"id":"wamid.o`);
        setTimeout(() => response.destroy(), 10);
      },
    ],
  ])("that %s leaves the outcome unknown", async (_, how) => {
    answer = how;
    expect(await send()).toMatchObject({ outcome: "unknown" });
  });
});

describe("a refusal", () => {
  const refusal = (code: number, more: object = {}) => ({
    error: { message: "No.", type: "OAuthException", code, fbtrace_id: "Atrace", ...more },
  });

  test("is final, with Meta's code and trace", async () => {
    json(400, refusal(131026, { error_data: { details: "Not on WhatsApp." } }));
    expect(await send()).toEqual({
      outcome: "failed",
      error: { code: "recipient_unreachable", detail: "No.: Not on WhatsApp. (fbtrace_id Atrace)", provider_code: "131026" },
    });
  });

  test.each([
    ["120", 120_000],
    ["0", 0],
    ["9".repeat(40), 86_400_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", null],
    ["-5", null],
  ])("for haste is tried again after Retry-After: %s", async (header, retry_after_ms) => {
    json(429, refusal(130429), { "retry-after": header });
    expect(await send()).toMatchObject({
      outcome: "retry",
      error: { code: "provider_rate_limited", provider_code: "130429" },
      retry_after_ms,
    });
  });

  test("for haste that names no delay leaves it to us", async () => {
    json(400, refusal(131056));
    expect(await send()).toMatchObject({ outcome: "retry", error: { code: "provider_rate_limited" }, retry_after_ms: null });
  });

  test.each([0, 370])("does not tell the token that Meta repeats, %i characters in", async (before) => {
    json(401, refusal(190, { message: `${"x".repeat(before)} Malformed access token ${access_token}` }));
    const outcome = await send();
    expect(outcome).toMatchObject({ outcome: "failed", error: { code: "channel_auth_failed" } });
    expect(JSON.stringify(outcome)).not.toContain(access_token.slice(0, 4));
  });

  test.each([
    [400, "failed"],
    [404, "failed"],
    [429, "retry"],
    [500, "unknown"],
    [502, "unknown"],
    [503, "unknown"],
    [504, "unknown"],
  ])("of HTTP %i in no words of Meta's is %s", async (status, outcome) => {
    for (const page of ["<html>Bad gateway</html>", "", `{"error":"bad gateway"}`]) {
      answer = (response) => void response.writeHead(status).end(page);
      expect(await send()).toMatchObject({ outcome });
    }
  });

  test("inside Meta, in its own words, was not executed", async () => {
    json(500, refusal(131016));
    expect(await send()).toMatchObject({ outcome: "retry", error: { code: "provider_unavailable", provider_code: "131016" } });
    json(500, refusal(987654));
    expect(await send()).toMatchObject({ outcome: "retry", error: { code: "provider_unavailable", provider_code: "987654" } });
    json(500, refusal(131031));
    expect(await send()).toMatchObject({ outcome: "failed", error: { code: "channel_blocked" } });
  });

  test.each([301, 302, 303, 307, 308])("by a redirect (%i) is not followed", async (status) => {
    answer = (response) => void response.writeHead(status, { location: `${twinUrl()}/elsewhere` }).end();
    expect(await send()).toMatchObject({ outcome: "failed", error: { code: "provider_error", detail: `HTTP ${status}` } });
    expect(asked).toHaveLength(1);
  });

  const expected: Record<string, [SendOutcome["outcome"], SendErrorCode]> = {
    "http-400-code-100-2207051-phone-not-registered": ["failed", "provider_invalid_request"],
    "http-400-code-100-invalid-permissions": ["failed", "provider_invalid_request"],
    "http-400-code-400-1234567-invalid-jwe-token": ["failed", "provider_error"],
    "http-400-code-400-1234568-missing-required-fields": ["failed", "provider_error"],
    "http-401-code-104-missing-token": ["failed", "channel_auth_failed"],
    "http-401-code-190-460-invalid-access-token": ["failed", "channel_auth_failed"],
    "http-401-code-190-463-invalid-token": ["failed", "channel_auth_failed"],
    "http-403-code-10-insufficient-permissions": ["failed", "channel_permission_denied"],
    "http-403-code-100-duplicate-request": ["failed", "provider_invalid_request"],
    "http-403-code-200-1349174-insufficient-permissions": ["failed", "channel_permission_denied"],
    "http-403-code-200-1349175-business-access-denied": ["failed", "channel_permission_denied"],
    "http-403-code-200-1349176-missing-permissions": ["failed", "channel_permission_denied"],
    "http-403-code-200-insufficient-permissions": ["failed", "channel_permission_denied"],
    "http-403-code-403-1234569-insufficient-permissions": ["failed", "provider_error"],
    "http-404-code-100-no-pending-request": ["failed", "provider_invalid_request"],
    "http-404-code-803-app-not-found": ["failed", "provider_error"],
    "http-409-code-100-invalid-transition": ["failed", "provider_invalid_request"],
    "http-422-code-100-business-logic-violation": ["failed", "provider_invalid_request"],
    "http-422-code-613-rate-limited": ["retry", "provider_rate_limited"],
    "http-422-code-803-solution-not-found": ["failed", "provider_error"],
    "http-429-code-17-2446079-user-rate-limit": ["retry", "provider_rate_limited"],
    "http-429-code-4-2018001-rate-limit-exceeded": ["retry", "provider_rate_limited"],
    "http-429-code-4-2446079-rate-limit": ["retry", "provider_rate_limited"],
    "http-429-code-4-2446080-application-limit": ["retry", "provider_rate_limited"],
    "http-429-code-4-rate-limited": ["retry", "provider_rate_limited"],
    "http-429-code-80007-2446079-business-rate-limit": ["retry", "provider_rate_limited"],
    "http-500-code-2-1675030-internal-server-error": ["retry", "provider_unavailable"],
    "http-500-code-2-server-error": ["retry", "provider_unavailable"],
  };

  recordedTest("as Meta was recorded to give it becomes our code", async () => {
    const found: typeof expected = {};
    for (const { name, raw } of recorded("whatsapp/errors")) {
      const body = JSON.parse(new TextDecoder().decode(raw)) as { error: { code: number; message: string } };
      json(Number(name.split("-")[1]), body);
      const outcome = await send();
      if (!("error" in outcome)) throw new Error(`${name}: ${outcome.outcome}`);
      expect(outcome.error.provider_code?.split("/")[0], name).toBe(String(body.error.code));
      expect(outcome.error.detail, name).toContain(body.error.message);
      found[name] = [outcome.outcome, outcome.error.code];
    }
    expect(found).toEqual(expected);
  });
});

describe("a connection", () => {
  test("that breaks after the request was read leaves the outcome unknown", async () => {
    answer = (response) => response.destroy();
    expect(await send()).toMatchObject({ outcome: "unknown" });
    expect(asked).toHaveLength(1);
  });

  test("that is refused carried nothing: another try", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    await once(closed.close(), "close");
    for (const host of ["127.0.0.1", "localhost"]) {
      expect(await send({ graph_url: `http://${host}:${port}` })).toEqual({
        outcome: "retry",
        error: { code: "provider_unavailable", detail: "The provider could not be asked: ECONNREFUSED.", provider_code: null },
        retry_after_ms: null,
      });
    }
  });

  const fault = (code: string, syscall?: string) => Object.assign(new Error(code), { code, ...(syscall && { syscall }) });
  test.each<[string, Error | undefined, string]>([
    ["the name has no address", fault("ENOTFOUND", "getaddrinfo"), "retry"],
    ["the name server is silent", fault("EAI_AGAIN", "getaddrinfo"), "retry"],
    ["connecting takes too long", fault("UND_ERR_CONNECT_TIMEOUT"), "retry"],
    ["no route leads there", fault("EHOSTUNREACH", "connect"), "retry"],
    ["every address refuses", new AggregateError([fault("ECONNREFUSED", "connect"), fault("ETIMEDOUT", "connect")]), "retry"],
    ["one of several did connect", new AggregateError([fault("ECONNREFUSED", "connect"), fault("ECONNRESET", "read")]), "unknown"],
    ["it is reset", fault("ECONNRESET", "read"), "unknown"],
    ["it falls silent", fault("ETIMEDOUT", "read"), "unknown"],
    ["the other side hangs up", fault("UND_ERR_SOCKET"), "unknown"],
    ["nobody knows why", undefined, "unknown"],
  ])("where %s", async (_, cause, outcome) => {
    const broken = () => Promise.reject(new TypeError("fetch failed", { cause }));
    expect(await send({ over: { fetch: broken } })).toMatchObject({ outcome });
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["no answer", () => undefined],
    ["half an answer", (response) => void response.writeHead(200).write("{")],
  ])("on which there is %s in ten seconds leaves the outcome unknown", async (_, how) => {
    answer = how;
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const clock = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => timeout(50));
    expect(await send()).toMatchObject({ outcome: "unknown" });
    expect(clock.mock.calls).toEqual([[10_000]]);
    clock.mockRestore();
  });
});

/** Which fields there are, whatever they say. A media's `id` and `link` are two ways to name the same file. */
const shapeOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shapeOf(part)]))
    : typeof value;
