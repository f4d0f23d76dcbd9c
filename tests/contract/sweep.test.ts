import { describe, expect, test } from "vitest";
import { scopes, type Scope } from "../../src/core/context.ts";
import type { Prefix } from "../../src/core/ids.ts";
import { exampleOf, type Schema } from "../../src/core/example.ts";
import { after, hours, systemClock } from "../../src/core/time.ts";
import { published, type Published } from "../../src/http/rest.ts";
import { events } from "../../src/webhooks/tables.ts";
import { document } from "../support/document.ts";
import { caughtUp } from "../support/feeds.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Answer, type Tenant, type World } from "../support/world.ts";

/**
 * Walks every operation that the router publishes. A new one is covered by existing: its body comes from the
 * document's example, its ids from `makeThings`, which fails by name when it does not know a parameter.
 */
describe.each(published.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))("%s", (_, operation) => {
  test("answers as the document says", async () => {
    const { tenant, things } = await setUp(operation);
    const answer = await call(tenant, operation, things);
    expect(answer.status, JSON.stringify(answer.body)).toBe(operation.meta.status);
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
    if (operation.meta.location)
      expect(await tenant.get(answer.headers.get("location")!)).toMatchObject({ status: 200, body: { id: answer.body["id"] } });
  });

  test("says which windows are counted and what remains of them", async () => {
    const { tenant, things } = await setUp(operation);
    const { headers } = await call(tenant, operation, things);
    expect(headers.get("ratelimit-policy")).toBe('"ip";q=1000000;w=60, "key";q=120;w=60, "tenant";q=600;w=60');
    expect(headers.get("ratelimit")).toMatch(/^"ip";r=\d+;t=\d+, "key";r=\d+;t=\d+, "tenant";r=\d+;t=\d+$/);
    expect(headers.get("x-ratelimit-limit")).toBe("120");
    expect(Number(headers.get("x-ratelimit-remaining"))).toBeLessThan(120);
    expect(Number(headers.get("x-ratelimit-reset"))).toBeGreaterThan(0);
  });

  test("refuses whoever has no key", async () => {
    const { tenant, things } = await setUp(operation);
    const answer = await call(tenant, operation, things, { key: null });
    expect(answer).toMatchObject({ status: 401, body: { code: "unauthorized", reason: "missing_token", instance: operation.path } });
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
  });

  testIf(operation.meta.scope !== "any")("refuses a key with every scope but the one it needs", async () => {
    const { tenant, things } = await setUp(operation);
    const granted = scopes.filter((scope) => scope !== operation.meta.scope);
    const { token } = await tenant.mint({ scopes: granted });
    const answer = await call(tenant, operation, things, { key: token });
    expect(answer).toMatchObject({
      status: 403,
      body: { code: "forbidden", required_scope: operation.meta.scope, granted_scopes: granted },
    });
  });

  test("needs no scope but its own", async () => {
    const { tenant, things } = await setUp(operation);
    const { token } = await tenant.mint({ scopes: operation.meta.scope === "any" ? ["read"] : [operation.meta.scope as Scope] });
    expect((await call(tenant, operation, things, { key: token })).status).toBe(operation.meta.status);
  });

  testIf(operation.path !== costsNothing)("refuses a key whose minute is used up, and says for how long", async () => {
    const { tenant, things } = await setUp(operation);
    const { token } = await tenant.mint({ rate_limit_per_minute: 1 });
    await tenant.get("/v1/me", { key: token });
    const answer = await call(tenant, operation, things, { key: token });
    expect(answer).toMatchObject({
      status: 429,
      body: { code: "too_many_requests", limit: { scope: "key", limit: 1, window_seconds: 60 } },
    });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("refuses an unknown field or parameter by name", async () => {
    const { tenant, things } = await setUp(operation);
    const unknown = hasBody(operation)
      ? await call(tenant, operation, things, { body: { ...bodyOf(operation), surprise: 1 } })
      : await call(tenant, operation, things, { query: "?surprise=1" });
    expect(unknown).toMatchObject({
      status: 400,
      body: { code: "validation_failed", errors: [{ pointer: "/surprise", code: "unknown_field" }] },
    });
    if (operation.method === "DELETE") {
      const in_body = await call(tenant, operation, things, { body: { surprise: 1 } });
      expect(in_body).toMatchObject({ status: 400, body: { errors: [{ pointer: "/surprise", code: "unknown_field" }] } });
    }
    const in_query = await call(tenant, operation, things, { query: "?__proto__=1" });
    expect(in_query).toMatchObject({ status: 400, body: { errors: [{ pointer: "/__proto__", code: "unknown_field" }] } });
  });

  testIf(operation.path.includes("{"))("answers alike for a foreign, a missing and a malformed id", async () => {
    const { world, tenant } = await setUp(operation);
    const stranger = await world.tenant();
    const foreign = await makeThings(world, stranger);
    const missing = Object.fromEntries(
      Object.entries(foreign).map(([name, id]) => [name, world.services.newId(id.split("_")[0] as Prefix)]),
    );
    const malformed = Object.fromEntries(Object.keys(foreign).map((name) => [name, "not-an-id"]));

    if (hasBody(operation)) {
      const faulty = await Promise.all([missing, malformed].map((ids) => call(tenant, operation, ids, { body: { surprise: 1 } })));
      for (const answer of faulty) expect(answer).toMatchObject({ status: 400, body: { code: "validation_failed" } });
      expect(new Set(faulty.map(({ body }) => JSON.stringify({ ...body, request_id: "" }))).size).toBe(1);
    }
    const answers = await Promise.all([foreign, missing, malformed].map((ids) => call(tenant, operation, ids)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 404, body: { code: "not_found", instance: operation.path } });
    expect(new Set(answers.map(({ body }) => JSON.stringify({ ...body, request_id: "" }))).size).toBe(1);
  });

  testIf(idFilters(operation).length > 0)("names a filter that holds a foreign, a missing or a malformed id", async () => {
    const { world, tenant, things } = await setUp(operation);
    const foreign = await makeThings(world, await world.tenant());
    for (const { name, prefix } of idFilters(operation)) {
      const queries = [foreign[name], world.services.newId(prefix), "not-an-id"].map((id) => `?${name}=${known(id, name)}`);
      const answers = await Promise.all(queries.map((query) => call(tenant, operation, things, { query })));
      for (const answer of answers)
        expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: `/${name}`, code: "no_such_resource" }] } });
      expect(new Set(answers.map(({ body }) => JSON.stringify({ ...body, request_id: "" }))).size).toBe(1);
    }
  });

  testIf(isList(operation))("takes no limit but one from 1 to 100", async () => {
    const { tenant, things } = await setUpSparsely(operation);
    for (const [limit, code] of absurd_limits)
      expect(await call(tenant, operation, things, { query: `?limit=${limit}` }), limit).toMatchObject({
        status: 400,
        body: { code: "validation_failed", errors: [{ pointer: "/limit", code }] },
      });
  });

  testIf(momentFilters(operation).length > 0)("names a filter by time that holds no time, and knows the first and the last", async () => {
    const { tenant, things } = await setUpSparsely(operation);
    const ask = (name: string, value: string) => call(tenant, operation, things, { query: `?${name}=${encodeURIComponent(value)}` });
    for (const name of momentFilters(operation)) {
      for (const value of no_moments)
        expect(await ask(name, value), value).toMatchObject({
          status: 400,
          body: { code: "validation_failed", errors: [{ pointer: `/${name}`, code: "invalid_timestamp" }] },
        });
      for (const value of utmost_moments) {
        const answer = await ask(name, value);
        // Figures are of a range of time, which may be a year at most.
        if (["from", "to"].includes(name))
          expect(answer, value).toMatchObject({ status: 400, body: { errors: [{ pointer: `/${name}` }] } });
        else expect(answer.status, value).toBe(200);
      }
    }
  });

  testIf(wordFilters(operation).length > 0)(
    "takes each word of a filter however often it is named, and refuses a filter by none",
    async () => {
      const { tenant, things } = await setUpSparsely(operation);
      for (const { name, word } of wordFilters(operation)) {
        const [once, often] = await Promise.all(
          [1, 800].map((times) => call(tenant, operation, things, { query: `?${Array(times).fill(`${name}=${word}`).join("&")}` })),
        );
        expect([often!.status, often!.body], name).toEqual([once!.status, once!.body]);
        expect(once!.status).toBe(200);
        const input = encodeURIComponent(JSON.stringify({ ...things, [name]: [] }));
        const none = await tenant.get<RpcRefusal>(`/trpc/${operation.procedure}?input=${input}`);
        expect(none.body.error.data.problem.errors).toContainEqual(expect.objectContaining({ pointer: `/${name}`, code: "too_small" }));
      }
    },
  );

  testIf(isList(operation))("gives each row once in pages of one, and their number to whoever asks", async () => {
    const { tenant, things } = await setUpLists(operation);
    const whole = await list(tenant, operation, things, "?limit=100&include_total=true");
    expect(whole.data.length, "makeMore must make a second row").toBeGreaterThan(1);
    expect([whole.total_count, whole.has_more]).toEqual([whole.data.length, false]);

    const seen: unknown[] = [];
    let page: ListBody | undefined;
    do {
      const query = `?limit=1${page ? `&cursor=${page.next_cursor}` : ""}`;
      page = await list(tenant, operation, things, query);
      expect(page.data).toHaveLength(1);
      expect(page).not.toHaveProperty("total_count");
      expect((await list(tenant, operation, things, `${query}&include_total=true`)).total_count).toBe(whole.data.length);
      seen.push(...page.data);
    } while (page.has_more);
    expect(seen).toEqual(whole.data);
  });

  testIf(isList(operation))("takes no cursor that was changed, or is another workspace's, list's or filter's", async () => {
    const { world, tenant, things } = await setUpLists(operation);
    const stranger = await setUpLists(operation, world);
    const cursorOf = async (whose: { tenant: Tenant; things: Things }, from = operation) =>
      (await list(whose.tenant, from, whose.things, "?limit=1")).next_cursor!;
    const cursor = await cursorOf({ tenant, things });
    const other = published.find((one) => isList(one) && one.path !== operation.path)!;

    const forged = `${cursor.startsWith("A") ? "B" : "A"}${cursor.slice(1)}`;
    const cursors = [forged, `${cursor}A`, "garbage", await cursorOf(stranger), await cursorOf({ tenant, things }, other)];
    const queries = [
      ...cursors.map((text) => `?cursor=${text}`),
      ...filtersOf(operation, things).map((filter) => `?cursor=${cursor}&${filter}`),
    ];
    for (const query of queries)
      expect(await call(tenant, operation, things, { query }), query).toMatchObject({ status: 400, body: { code: "invalid_cursor" } });
    expect((await call(tenant, operation, things, { query: `?limit=50&cursor=${cursor}` })).status).toBe(200);
  });

  testIf(operation.method === "POST" && operation.path !== endsItsKey)(
    "has its effect once for one Idempotency-Key, and gives the same answer again",
    async () => {
      const { tenant, things } = await setUp(operation);
      const headers = { "Idempotency-Key": "the-same-key" };
      const first = await call(tenant, operation, things, { headers });
      const second = await call(tenant, operation, things, { headers });
      expect(first.headers.get("idempotent-replayed")).toBeNull();
      expect(second.headers.get("idempotent-replayed")).toBe("true");
      expect([second.status, second.body]).toEqual([first.status, first.body]);
      expect(second.headers.get("location")).toBe(first.headers.get("location"));

      const { token } = await tenant.mint();
      const other = await call(tenant, operation, things, { headers, key: token });
      expect(other.headers.get("idempotent-replayed"), "another key's request is another request").toBeNull();
      for (const key of ["with space", "x".repeat(256)]) {
        const refused = await call(tenant, operation, things, { headers: { "Idempotency-Key": key } });
        expect(refused).toMatchObject({ status: 400, body: { errors: [{ code: "invalid_idempotency_key" }] } });
      }
    },
  );

  testIf(operation.method === "GET" && !isList(operation) && !operation.meta.is_stream)(
    "carries an entity tag, and nothing more for whoever has it",
    async () => {
      const { tenant, things } = await setUp(operation);
      const etag = (await call(tenant, operation, things)).headers.get("etag")!;
      expect(etag).toMatch(/^"[\w-]{43}"$/);
      for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
        const again = await call(tenant, operation, things, { headers: { "If-None-Match": known } });
        expect([again.status, again.body, again.headers.get("etag")]).toEqual([304, null, etag]);
      }
      expect((await call(tenant, operation, things, { headers: { "If-None-Match": '"other"' } })).status).toBe(200);
    },
  );

  testIf(["PATCH", "DELETE"].includes(operation.method))("changes nothing that has changed since it was read", async () => {
    const { tenant, things } = await setUp(operation);
    for (const stale of ['"stale"', "not a tag", 'W/"weak"']) {
      expect(await call(tenant, operation, things, { headers: { "If-Match": stale } })).toMatchObject({
        status: 412,
        body: { code: "precondition_failed" },
      });
    }
    const etag = (await call(tenant, { ...operation, method: "GET" }, things)).headers.get("etag")!;
    // What it is unless it changed is asked of what is read: a change is always answered.
    expect((await call(tenant, operation, things, { headers: { "If-Match": `"other", ${etag}`, "If-None-Match": "*" } })).status).toBe(
      operation.meta.status,
    );
  });

  test("answers 405 to other methods and names those it has", async () => {
    const { tenant, things } = await setUp(operation);
    const answer = await call(tenant, { ...operation, method: "PUT" }, things);
    expect(answer).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
    expect(answer.headers.get("allow")!.split(", ")).toContain(operation.method);
  });
});

const absurd_limits = [
  ["0", "too_small"],
  ["-1", "too_small"],
  ["101", "too_large"],
  ["1.5", "invalid_type"],
  ["99999999999999999999", "invalid_type"],
  ["ten", "invalid_type"],
  ["", "invalid_type"],
] as const;

const no_moments = ["", "0", "yesterday", "2026-01-01", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "+010000-01-01T00:00:00Z"];
const utmost_moments = ["9999-12-31T23:45:00-15:45", "1970-01-01T00:00:00+15:59", "9999-12-31T23:59:59.999999999-15:59"];

/** To ask how much is left is free. */
const costsNothing = "/v1/rate_limit";

/** Its second request can only be refused: that is what it is for. */
const endsItsKey = "/v1/api_keys/current/revoke";

/** A promise that does not apply to an operation is not a test of it: nothing is skipped here. */
function testIf(applies: boolean): (promise: string, run: () => Promise<void>) => void {
  return applies ? test : () => {};
}

type Things = Record<string, string>;

async function setUp({ method, path }: Published, world?: World) {
  world ??= await createWorld();
  const tenant = await world.tenant();
  const things = await makeThings(world, tenant);
  await before[`${method} ${path}`]?.(tenant, things, world);
  return { world, tenant, things };
}

/** With nothing where the path names nothing: what is made leaves deliveries that others will have to make. */
async function setUpSparsely(operation: Published): Promise<{ tenant: Tenant; things: Things }> {
  if (operation.path.includes("{")) return setUp(operation);
  const world = await createWorld();
  return { tenant: await world.tenant(), things: {} };
}

/** What has to have happened where an operation is not one for things that have just been made. */
const before: Record<string, (tenant: Tenant, things: Things, world: World) => Promise<unknown>> = {
  // The sandbox fails what is sent to this number.
  "POST /v1/messages/{message_id}/retry": async (tenant, things, world) => {
    const { id } = await tenant.hears("Hello", { from: "+15550100001" });
    const { body } = await tenant.post<{ id: string }>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } });
    await world.sendQueued();
    things["message_id"] = body.id;
  },
  "POST /v1/conversations/{conversation_id}/reopen": (tenant, { conversation_id }) =>
    tenant.post(`/v1/conversations/${conversation_id}/close`),
};

/** With two rows in every list, and the feeds up to date. */
async function setUpLists(operation: Published, given?: World) {
  const { world, tenant, things } = await setUp(operation, given);
  await makeMore(world, tenant, things);
  await caughtUp(world.services.db);
  return { world, tenant, things };
}

/** One of everything, by the names that parameters have. */
async function makeThings(world: World, tenant: Tenant): Promise<Things> {
  const receiver = await createReceiver(500);
  const { id: endpoint_id } = await tenant.endpoint(receiver.url);
  const conversation = await tenant.hears("Hello");
  await world.deliver();
  const { body: messages } = await tenant.get<{ data: { id: string }[] }>(`/v1/conversations/${conversation.id}/messages`);
  const [event] = await rowsOf(tenant, events);
  const { body: deliveries } = await tenant.get<{ data: { id: string }[] }>("/v1/webhook_deliveries");
  const replayed = { deliveries: "failed", since: after(world.now(), -hours(1)) };
  const job = await tenant.post<{ id: string }>(`/v1/webhook_endpoints/${endpoint_id}/replay`, replayed);
  const member = await tenant.post<{ id: string }>("/v1/team_members", { email: `${endpoint_id}@shop.example`, role: "agent" });
  const assignee_id = member.body.id;
  await tenant.post(`/v1/conversations/${conversation.id}/assign`, { assignee_id });
  const ticket = await tenant.post<{ id: string }>("/v1/tickets", { subject: "Refund", assignee_id });
  const note = await tenant.post<{ id: string }>(`/v1/conversations/${conversation.id}/notes`, { text: "Called them" });
  await tenant.post(`/v1/tickets/${ticket.body.id}/notes`, { text: "Paid back" });
  await tenant.post("/v1/templates/sync");
  const { body: templates } = await tenant.get<{ data: { id: string }[] }>("/v1/templates?name=order_shipped&language=en");
  return {
    team_member_id: assignee_id,
    assignee_id,
    ticket_id: ticket.body.id,
    note_id: note.body.id,
    conversation_id: conversation.id,
    contact_id: conversation.contact_id,
    channel_id: tenant.channel_id,
    template_id: templates.data[0]!.id,
    message_id: messages.data[0]!.id,
    event_id: event!.id,
    endpoint_id,
    delivery_id: deliveries.data[0]!.id,
    api_key_id: (await tenant.mint()).id,
    job_id: job.body.id,
  };
}

/** A second of everything, beside the first or in it. */
async function makeMore(
  world: World,
  tenant: Tenant,
  { conversation_id, channel_id, contact_id, delivery_id, ticket_id }: Things,
): Promise<void> {
  await makeThings(world, tenant);
  await tenant.post("/v1/channels", {
    channel: "twilio_sms",
    provider: "sandbox",
    name: "SMS",
    account_id: "sandbox",
    credentials: { token: "a word" },
  });
  await tenant.post(`/v1/conversations/${conversation_id}/messages`, { content: { type: "text", text: "Good day" } });
  await tenant.post(`/v1/conversations/${conversation_id}/assign`, { assignee_id: null });
  await tenant.post(`/v1/conversations/${conversation_id}/close`);
  for (const noted of [`conversations/${conversation_id}`, `tickets/${ticket_id}`])
    await tenant.post(`/v1/${noted}/notes`, { text: "Again" });
  await tenant.post("/v1/conversations", { channel_id, contact_id });
  await tenant.post(`/v1/webhook_deliveries/${delivery_id}/replay`);
  await world.deliver();
}

interface ListBody {
  data: unknown[];
  has_more: boolean;
  next_cursor: string | null;
  total_count?: number;
}

async function list(tenant: Tenant, operation: Published, things: Things, query: string): Promise<ListBody> {
  const { status, body } = await call(tenant, operation, things, { query });
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as ListBody;
}

interface Variation {
  headers?: Record<string, string>;
  key?: string | null;
  query?: string;
  body?: object;
}

/** The operation with its example's body; `example.com` does not resolve here, so webhooks go to this machine. */
function call(
  tenant: Tenant,
  operation: Published,
  things: Things,
  { key = tenant.api_key, query = "", body, headers = {} }: Variation = {},
): Promise<Answer> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => known(things[name], name));
  const sent = hasBody(operation) ? (body ?? naming(things, bodyOf(operation))) : body;
  return tenant.get(path + query, { method: operation.method, key, headers, ...(sent && { body: sent }) });
}

/** The example's ids are nobody's: those of this workspace take their place. */
const naming = (things: Things, body: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(body).map(([field, value]) => [field, field.endsWith("_id") ? (things[field] ?? value) : value]));

/** The channel that is changed here is the sandbox's, which takes no credentials. */
const takenHere = (method: string, field: string, value: unknown): unknown => (method === "PATCH" && field === "credentials" ? {} : value);

/** An example's times grow old, and some ranges may not reach back far. */
const recently: Record<string, string> = { since: after(systemClock(), -hours(1)), until: after(systemClock(), hours(1)) };

function known(id: string | undefined, name: string): string {
  if (id === undefined) throw new Error(`makeThings makes no ${name}: add it there`);
  return id;
}

const isList = ({ meta }: Published): boolean => meta.is_list;

const hasBody = ({ method }: Published): boolean => method === "POST" || method === "PATCH";

function bodyOf({ method, path }: Published): Record<string, unknown> {
  const example = document.paths[path]![method.toLowerCase()]!.requestBody?.content["application/json"]!.example as
    | Record<string, unknown>
    | undefined;
  return Object.fromEntries(
    Object.entries(example ?? {}).map(([field, value]) => [
      field,
      field === "url" ? "http://127.0.0.1:9/hook" : (recently[field] ?? takenHere(method, field, value)),
    ]),
  );
}

/** Each filter of a list, with a value that it takes and that is not its default. */
function filtersOf({ method, path }: Published, things: Things): string[] {
  const parameters = (document.paths[path]![method.toLowerCase()]!.parameters ?? []) as { in?: string; name: string; schema?: Schema }[];
  return parameters.flatMap(({ in: where, name, schema }) => {
    if (where !== "query" || !schema || ["limit", "cursor", "include_total"].includes(name)) return [];
    const choices = Array.isArray(schema["enum"]) ? (schema["enum"] as unknown[]).filter((choice) => choice !== schema["default"]) : [];
    const value = things[name] ?? choices[0] ?? [exampleOf(schema, document.components.schemas)].flat()[0];
    return [`${name}=${encodeURIComponent(String(value))}`];
  });
}

/** Filters whose value is an id, by the pattern that the document gives them. */
function idFilters({ method, path }: Published): { name: string; prefix: Prefix }[] {
  const parameters = (document.paths[path]![method.toLowerCase()]!.parameters ?? []) as { in?: string; name: string; schema?: Schema }[];
  return parameters.flatMap(({ in: where, name, schema }) => {
    const prefix = /^\^(\w+?)_\[0-7\]/.exec(schema?.pattern ?? "")?.[1] as Prefix | undefined;
    return where === "query" && prefix ? [{ name, prefix }] : [];
  });
}

/** Filters by some of the words that the document lists. */
function wordFilters({ method, path }: Published): { name: string; word: string }[] {
  const parameters = (document.paths[path]![method.toLowerCase()]!.parameters ?? []) as { in?: string; name: string; schema?: Schema }[];
  return parameters.flatMap(({ in: where, name, schema }) => {
    const items = schema?.["items"] as { enum?: string[]; $ref?: string } | undefined;
    const word = (items?.$ref ? (document.components.schemas[items.$ref.split("/").at(-1)!] as { enum?: string[] }) : items)?.enum?.[0];
    return where === "query" && word !== undefined ? [{ name, word }] : [];
  });
}

interface RpcRefusal {
  error: { data: { problem: { errors: object[] } } };
}

/** Filters whose value is a moment. */
function momentFilters({ method, path }: Published): string[] {
  const parameters = (document.paths[path]![method.toLowerCase()]!.parameters ?? []) as { in?: string; name: string; schema?: Schema }[];
  return parameters.filter(({ in: where, schema }) => where === "query" && schema?.["format"] === "date-time").map(({ name }) => name);
}
