import { TRPCClientError } from "@trpc/client";
import { expect, expectTypeOf, test } from "vitest";
import { createWasslaClient } from "../../src/client.ts";
import { scopes } from "../../src/core/context.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { AppRouter } from "../../src/router.ts";
import { webhook_secrets } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { goneDatabase } from "../support/gone-db.ts";
import { createWorld } from "../support/world.ts";

interface RpcError {
  message: string;
  code: number;
  data: { code: string; httpStatus: number; path: string | null; problem: Record<string, unknown> };
}

type Init = Omit<RequestInit, "headers"> & { headers?: Record<string, string> };
type Client = ReturnType<typeof createWasslaClient>;

async function setUp(options: Parameters<typeof createWorld>[0] = {}) {
  const world = await createWorld(options);
  const tenant = await world.tenant();
  const requests: Request[] = [];
  const clientOf = (key: string): Client =>
    createWasslaClient({
      url: "http://wassla.test",
      headers: { Authorization: `Bearer ${key}` },
      fetch: (input, init) => {
        const request = new Request(input as string, init as RequestInit);
        requests.push(request);
        return Promise.resolve(world.app.fetch(request));
      },
    });
  const call = async (path: string, init: Init = {}) => {
    const response = await world.app.request(`/trpc/${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${tenant.api_key}`, ...init.headers },
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (text === "" ? null : JSON.parse(text)) as { error: RpcError; result: unknown },
    };
  };
  const post = (path: string, body: string, type = "application/json") =>
    call(path, { method: "POST", body, headers: { "Content-Type": type } });
  return { world, tenant, requests, clientOf, client: clientOf(tenant.api_key), call, post };
}

const input = (value: unknown): string => `input=${encodeURIComponent(JSON.stringify(value))}`;

/** The refusal as the portal gets to see it. */
async function refusalOf(asked: Promise<unknown>): Promise<TRPCClientError<AppRouter>> {
  const thrown = await asked.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof TRPCClientError)) throw new Error(`not refused: ${String(thrown)}`);
  return thrown as TRPCClientError<AppRouter>;
}

test("the typed client asks a query and gets what REST would give", async () => {
  const { client, tenant } = await setUp();
  const conversation = await tenant.hears("Hello");
  expect(await client.conversations.get.query({ conversation_id: conversation.id })).toEqual(
    (await tenant.get(`/v1/conversations/${conversation.id}`)).body,
  );
});

test("a call has its effect once for one Idempotency-Key; a batch may not name one", async () => {
  const { tenant, call } = await setUp();
  const create = (path = "tickets.create", body: unknown = { subject: "Refund" }) =>
    call(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "Idempotency-Key": "order-1007" },
    });
  const [first, second] = [await create(), await create()];
  expect([first.status, first.headers.get("idempotent-replayed")]).toEqual([200, null]);
  expect([second.status, second.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
  expect(second.body).toEqual(first.body);
  expect(await create("tickets.create", { subject: "Another" })).toMatchObject({ status: 422 });
  const batch = await create("tickets.create,tickets.create?batch=1", { 0: { subject: "Refund" }, 1: { subject: "Refund" } });
  expect(batch).toMatchObject({ status: 400, body: { error: { data: { problem: { errors: [{ code: "invalid_idempotency_key" }] } } } } });
  expect((await tenant.get<{ data: object[] }>("/v1/tickets")).body.data).toHaveLength(1);
});

test("the typed client makes a change", async () => {
  const { client, tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  const closed = await client.conversations.close.mutate({ conversation_id: id });
  expect(closed.status).toBe("resolved");
  expect((await tenant.get(`/v1/conversations/${id}`)).body["status"]).toBe("resolved");
});

test("calls of one moment travel as one request, and one that fails does not fail the others", async () => {
  const { client, requests } = await setUp();
  const [me, missing, list] = await Promise.all([
    client.me.get.query({}),
    refusalOf(client.messages.get.query({ message_id: "msg_01m7x0q4w6e8r9t2y3v5n7b1c4" })),
    client.conversations.list.query({ limit: 3, status: ["open", "pending"] }),
  ]);
  expect(requests).toHaveLength(1);
  expect(me.object).toBe("me");
  expect(missing.data?.problem.code).toBe("not_found");
  expect(list.data).toEqual([]);
});

test("more calls than one request may carry travel as several, and so do calls whose inputs make the URL too long", async () => {
  const { client, requests } = await setUp();
  await Promise.all(Array.from({ length: 25 }, () => client.me.get.query({})));
  expect(requests).toHaveLength(2);
  requests.length = 0;
  const cursor = "x".repeat(1000);
  const refusals = await Promise.all(Array.from({ length: 18 }, () => refusalOf(client.conversations.list.query({ cursor }))));
  expect(refusals.map(({ data }) => data?.problem.code)).toEqual(Array(18).fill("invalid_cursor"));
  expect(requests.length).toBeGreaterThan(1);
  for (const { url } of requests) expect(url.length).toBeLessThan(8_200);
});

test("a refusal carries REST's own problem, with the code as a type", async () => {
  const { client, tenant } = await setUp();
  const { id } = await tenant.hears("Hello");
  await tenant.post(`/v1/conversations/${id}/close`);
  const { data, message } = await refusalOf(client.conversations.close.mutate({ conversation_id: id }));
  const { body } = await tenant.post(`/v1/conversations/${id}/close`);
  expect(data).toMatchObject({ code: "CONFLICT", httpStatus: 409, path: "conversations.close" });
  expect({ ...data!.problem, request_id: "", instance: "" }).toEqual({ ...body, request_id: "", instance: "" });
  expect(data!.problem.request_id).toMatch(/^req_/);
  expect(message).toBe(body["detail"]);
  expectTypeOf(data!.problem.code).toEqualTypeOf<ErrorCode>();
});

test("every fault of an input is named, and text is not taken for a number", async () => {
  const { call } = await setUp();
  const { status, body } = await call(`conversations.list?${input({ limit: "7", status: "open", surprise: 1 })}`);
  expect(status).toBe(400);
  expect(body.error.data).toMatchObject({ code: "BAD_REQUEST", httpStatus: 400, path: "conversations.list" });
  const faults = body.error.data.problem["errors"] as { pointer: string; code: string }[];
  expect(faults.map(({ pointer, code }) => `${pointer} ${code}`).toSorted()).toEqual([
    "/limit invalid_type",
    "/status invalid_type",
    "/surprise unknown_field",
  ]);
});

test("REST traffic does not teach the typed client's door to take text for numbers", async () => {
  const { tenant, call } = await setUp();
  expect((await tenant.get("/v1/conversations?limit=7")).status).toBe(200);
  expect((await call(`conversations.list?${input({ limit: "7" })}`)).status).toBe(400);
  expect((await call(`conversations.list?${input({ limit: 7 })}`)).status).toBe(200);
});

test("the front door's own refusals have the same shape", async () => {
  const { clientOf, tenant } = await setUp();
  const unknown = await refusalOf(clientOf("wsk_live_nonsense").me.get.query({}));
  expect(unknown.data).toMatchObject({
    code: "UNAUTHORIZED",
    httpStatus: 401,
    problem: { code: "unauthorized", reason: "malformed_token" },
  });

  const { token } = await tenant.mint({ rate_limit_per_minute: 1 });
  const limited = clientOf(token);
  await limited.me.get.query({});
  const denied = await refusalOf(limited.me.get.query({}));
  expect(denied.data).toMatchObject({
    code: "TOO_MANY_REQUESTS",
    httpStatus: 429,
    problem: { code: "too_many_requests", limit: { scope: "key" } },
  });
  const { headers } = denied.meta!["response"] as Response;
  expect(headers.get("retry-after")).toMatch(/^\d+$/);

  const { post } = await setUp();
  const { status, body } = await post("webhookSecret.rotate", `{}${" ".repeat(1024 * 1024)}`);
  expect({ status, data: body.error.data }).toMatchObject({
    status: 413,
    data: { code: "PAYLOAD_TOO_LARGE", problem: { code: "payload_too_large" } },
  });
});

test.each([
  ["an unknown procedure", "conversations.nothing", {}, 404, "not_found"],
  ["an unknown room", "nothing.get", {}, 404, "not_found"],
  ["no procedure", "", {}, 404, "not_found"],
  ["a router instead of a procedure", "conversations", {}, 404, "not_found"],
  ["constructor", "constructor", {}, 404, "not_found"],
  ["__proto__", "__proto__", {}, 404, "not_found"],
  ["toString", "me.toString", {}, 404, "not_found"],
  ["a null character", "me.get%00", {}, 404, "not_found"],
  ["a path that encodes nothing", "%zz", {}, 400, "validation_failed"],
  ["an overlong encoding", "%C0%AF", {}, 400, "validation_failed"],
  ["no input", "conversations.get", {}, 400, "validation_failed"],
  ["an input that is no JSON", "conversations.list?input={", {}, 400, "malformed_json"],
  ["an input that is null", "conversations.list?input=null", {}, 400, "validation_failed"],
  ["an input that is an array", "conversations.list?input=[]", {}, 400, "validation_failed"],
  ["an input that is text", 'conversations.list?input="x"', {}, 400, "validation_failed"],
  ["a batch whose input is an array", "me.get,me.get?batch=1&input=7", {}, 400, "validation_failed"],
  ["a null character in an input", "conversations.list?input=%7B%22cursor%22%3A%22%5Cu0000%22%7D", {}, 400, "validation_failed"],
  ["a batch of queries and changes", "me.get,webhookSecret.rotate?batch=1", {}, 400, "validation_failed"],
  ["a batch of 21", `${"me.get,".repeat(20)}me.get?batch=1`, {}, 400, "validation_failed"],
  ["parameters of a connection that are none", "me.get?connectionParams=7", {}, 400, "malformed_json"],
  ["a change by GET", "webhookSecret.rotate", {}, 405, "method_not_allowed"],
  ["a query by POST", "me.get", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }, 405, "method_not_allowed"],
  ["PUT", "webhookSecret.rotate", { method: "PUT", body: "{}" }, 405, "method_not_allowed"],
  ["DELETE", "webhookSecret.rotate", { method: "DELETE" }, 405, "method_not_allowed"],
  ["OPTIONS", "me.get", { method: "OPTIONS" }, 405, "method_not_allowed"],
  [
    "a body that is no JSON",
    "webhookSecret.rotate",
    { method: "POST", body: "{", headers: { "Content-Type": "application/json" } },
    400,
    "malformed_json",
  ],
  [
    "a body that is null",
    "webhookSecret.rotate",
    { method: "POST", body: "null", headers: { "Content-Type": "application/json" } },
    400,
    "validation_failed",
  ],
  [
    "a body that is text",
    "webhookSecret.rotate",
    { method: "POST", body: "{}", headers: { "Content-Type": "text/plain" } },
    415,
    "unsupported_media_type",
  ],
  ["a form", "webhookSecret.rotate", { method: "POST", body: new URLSearchParams({ a: "b" }) }, 415, "unsupported_media_type"],
  ["a form of parts", "webhookSecret.rotate", { method: "POST", body: new FormData() }, 415, "unsupported_media_type"],
  [
    "a stream of bytes",
    "webhookSecret.rotate",
    { method: "POST", body: "x", headers: { "Content-Type": "application/octet-stream" } },
    415,
    "unsupported_media_type",
  ],
  [
    "a content type on GET that is not JSON",
    "me.get",
    { headers: { "Content-Type": "multipart/form-data" } },
    415,
    "unsupported_media_type",
  ],
] as [string, string, Init, number, ErrorCode][])("%s is refused, whole and typed", async (_, path, init, status, code) => {
  const { world, call } = await setUp();
  const answer = await call(path, init);
  const error = Array.isArray(answer.body) ? (answer.body as { error: RpcError }[])[0]!.error : answer.body.error;
  expect(answer.status, answer.text).toBe(status);
  expect(error.data).toMatchObject({ httpStatus: status, problem: { code, status, type: `https://api.wassla.test/docs/errors/${code}` } });
  expect(error.data.problem["request_id"]).toBe(answer.headers.get("x-request-id"));
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("ratelimit")).toContain('"key"');
  if (status === 405) expect(answer.headers.get("allow")).toBeTruthy();
  expect(answer.text).not.toContain("stack");
  expect(world.logged).toEqual([]);
});

test("HEAD is no way to make a call", async () => {
  const { call } = await setUp();
  expect((await call("me.get", { method: "HEAD" })).status).toBe(405);
});

test("the scopes are the same on both doors", async () => {
  const { clientOf, tenant } = await setUp();
  for (const granted of scopes) {
    const client = clientOf((await tenant.mint({ scopes: [granted] })).token);
    const attempts = {
      read: () => client.conversations.list.query({}),
      write: () => client.conversations.close.mutate({ conversation_id: "conv_01m7x0q4w6e8r9t2y3v5n7b1c4" }),
      admin: () => client.webhookSecret.get.query({}),
    };
    for (const needed of scopes) {
      const outcome = await attempts[needed]().then(
        () => "done",
        (error: TRPCClientError<AppRouter>) => error.data?.problem,
      );
      if (needed === granted) expect(outcome).not.toMatchObject({ code: "forbidden" });
      else expect(outcome).toMatchObject({ code: "forbidden", status: 403, required_scope: needed, granted_scopes: [granted] });
    }
  }
});

test("a fault of ours says nothing but its request id, and is logged once for each call", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const { world, client, requests } = await setUp({ db });
  breakNext("insert", webhook_secrets);
  const { data } = await refusalOf(client.webhookSecret.rotate.mutate({}));
  expect(data).toEqual({
    code: "INTERNAL_SERVER_ERROR",
    httpStatus: 500,
    path: "webhookSecret.rotate",
    problem: {
      type: "https://api.wassla.test/docs/errors/internal_error",
      title: "Internal error",
      status: 500,
      code: "internal_error",
      detail: "The fault is ours.",
      instance: "/trpc/webhookSecret.rotate",
      request_id: expect.stringMatching(/^req_/) as string,
    },
  });
  expect(requests).toHaveLength(1);
  expect(world.logged).toEqual([
    {
      level: "error",
      message: "request failed",
      fields: {
        err: new Error("the test broke this statement"),
        request_id: data!.problem.request_id,
        instance: "/trpc/webhookSecret.rotate",
      },
    },
  ]);
});

test("REST logs the same fault once, too", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const { world, tenant } = await setUp({ db });
  breakNext("insert", webhook_secrets);
  const { status, body } = await tenant.post("/v1/webhook_secret/rotate");
  expect({ status, body }).toMatchObject({ status: 500, body: { code: "internal_error", detail: "The fault is ours." } });
  expect(world.logged).toHaveLength(1);
  expect(world.logged[0]!.fields).toMatchObject({ request_id: body["request_id"], instance: "/v1/webhook_secret/rotate" });
});

test("when the database is gone, the client is told so and not why", async () => {
  const { world } = await setUp();
  const { app, logged } = await createWorld({ db: goneDatabase() });
  const tenant = await world.tenant();
  const response = await app.request("/trpc/me.get", { headers: { Authorization: `Bearer ${tenant.api_key}` } });
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(JSON.parse(text)).toMatchObject({ error: { data: { problem: { code: "internal_error" } } } });
  expect(text).not.toMatch(/vault|db\.internal/);
  expect(logged).toHaveLength(1);
});

test("a stream of results is limited and typed like any other batch", async () => {
  const { call, world } = await setUp();
  const answer = await world.app.request(`/trpc/me.get,nothing?batch=1&${input({ 0: {} })}`, {
    headers: { Authorization: "Bearer wsk_live_x", "trpc-accept": "application/jsonl" },
  });
  expect(answer.status).toBe(401);
  expect((await call("me.get", { headers: { "trpc-accept": "application/jsonl" } })).status).toBe(400);
});
