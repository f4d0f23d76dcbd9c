import { createHash, createHmac, randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono, type Context } from "hono";
import postgres from "postgres";

/**
 * What an engineer would write who needs these four routes and nothing else: the same key check, limiter, statements,
 * refusals and answers in one file, with no contracts, no document, no second surface. Ids are bare UUIDs.
 */
const { PORT, DATABASE_URL, DATABASE_POOL_SIZE, MASTER_KEY, PUBLIC_URL } = process.env as Record<string, string>;
const sql = postgres(DATABASE_URL!, { max: Number(DATABASE_POOL_SIZE), connection: { TimeZone: "UTC" } });
const address_limit = 1_000_000_000;
const day_ms = 24 * 3_600_000;

interface Key {
  id: string;
  workspace_id: string;
  name: string;
  scopes: string[];
}
const app = new Hono<{ Variables: { key: Key } }>();
type C = Context<{ Variables: { key: Key } }>;

app.use("/v1/*", async (c, next) => {
  const token = /^Bearer (wsk_live_[0-9A-Za-z]{38})$/.exec(c.req.header("authorization") ?? "")?.[1];
  if (!token) return c.json({ error: "send a key" }, 401);
  const digest = createHash("sha256").update(token).digest("base64url");
  const cost = c.req.path === "/v1/batch" ? idsOf(c).length : 1;
  const [row] = await sql`
    with asked as materialized (select date_bin('1 minute', clock_timestamp(), 'epoch'::timestamptz) as minute),
    found as materialized (
      select k.id, k.workspace_id, k.name, k.scopes, k.rate_limit_per_minute as key_limit, w.api_rate_limit_per_minute as tenant_limit
      from api_key_digests d join api_keys k on k.workspace_id = d.workspace_id and k.id = d.api_key_id join workspaces w on w.id = k.workspace_id
      where d.digest = ${digest} and k.revoked_at is null and (k.expires_at is null or k.expires_at > ${new Date()})),
    wanted(scope, subject, allowed) as (select 0, '127.0.0.1', ${address_limit}::int union all select 1, id::text, key_limit from found
      union all select 2, workspace_id::text, tenant_limit from found),
    filled as materialized (select wanted.scope from asked cross join wanted left join rate_limit_windows r on r.scope = wanted.scope
      and r.subject = wanted.subject and r.window_start = asked.minute where coalesce(r.hits, 0) + ${cost}::int > wanted.allowed limit 1),
    i as (insert into rate_limit_windows as r select 0, '127.0.0.1', minute, ${cost}::int from asked where not exists (select 1 from filled)
      on conflict (scope, subject, window_start) do update set hits = r.hits + excluded.hits where r.hits + excluded.hits <= ${address_limit}::int
      returning hits),
    k as (insert into rate_limit_windows as r select 1, id::text, minute, ${cost}::int from asked, found where exists (select 1 from i)
      on conflict (scope, subject, window_start) do update set hits = r.hits + excluded.hits
      where r.hits + excluded.hits <= (select key_limit from found) returning hits),
    t as (insert into rate_limit_windows as r select 2, workspace_id::text, minute, ${cost}::int from asked, found where exists (select 1 from k)
      on conflict (scope, subject, window_start) do update set hits = r.hits + excluded.hits
      where r.hits + excluded.hits <= (select tenant_limit from found) returning hits)
    select found.*, (select hits from k) as key_hits, (select hits from t) as tenant_hits,
      greatest(1, ceil(extract(epoch from minute + interval '1 minute' - clock_timestamp())))::int as reset_seconds
    from asked left join found on true`;
  if (!row!["id"]) return c.json({ error: "no such key" }, 401);
  c.header("X-RateLimit-Limit", String(row!["key_limit"]));
  c.header("X-RateLimit-Remaining", String(Math.max(0, Number(row!["key_limit"]) - Number(row!["key_hits"]))));
  c.header("X-RateLimit-Reset", String(row!["reset_seconds"]));
  if (row!["tenant_hits"] === null) return c.json({ error: "too many requests" }, 429, { "Retry-After": String(row!["reset_seconds"]) });
  if (!(row!["scopes"] as string[]).includes(c.req.method === "GET" ? "read" : "write")) return c.json({ error: "forbidden" }, 403);
  c.set("key", row as unknown as Key);
  return next();
});

const columns =
  sql.unsafe(`c.id, c.channel, c.channel_id, c.contact_id, c.status, c.handler_mode, c.priority, c.tags, c.subject, c.message_count,
  c.last_message_preview, c.last_message_at, c.last_inbound_at, c.first_response_at, c.closed_at, c.closed_by, c.assignee_id, c.ticket_ids, c.metadata,
  c.created_at, c.updated_at, c.resumed_at`);
const withWindow = sql`select ${columns}, (select max(a.last_inbound_at)
  from contact_identities i join contact_addresses a using (workspace_id, kind, value)
  where i.workspace_id = c.workspace_id and i.contact_id = c.contact_id and a.channel_id = c.channel_id) as window_opened_at,
  s.inactivity_timeout_minutes as timeout from conversations c join workspaces s on s.id = c.workspace_id`;

interface Conversation {
  id: string;
  channel: string;
  channel_id: string;
  contact_id: string;
  status: string;
  last_message_at: Date;
  resumed_at: Date | null;
  closed_at: Date | null;
  created_at: Date;
}
type WithWindow = Conversation & { window_opened_at: Date | null; timeout: number | null };

const hasWindow = (channel: string) => ["whatsapp", "instagram", "facebook_page"].includes(channel);
const isOpen = (opened_at: Date | null) => opened_at !== null && opened_at.getTime() + day_ms > Date.now();

function closesAt({ status, channel, last_message_at, resumed_at }: Conversation, timeout: number | null) {
  if (timeout === null || status !== "open" || channel === "twilio_voice") return null;
  return new Date(Math.max(last_message_at.getTime(), resumed_at?.getTime() ?? 0) + timeout * 60_000);
}

function show({ window_opened_at, timeout, resumed_at, ...conversation }: WithWindow) {
  const { id, channel, closed_at, created_at } = conversation;
  const always = channel === "whatsapp" ? ["template"] : [];
  const types = channel === "twilio_voice" ? ["text"] : ["text", "media", ...always];
  return {
    ...conversation,
    object: "conversation",
    duration_seconds: closed_at && Math.round((closed_at.getTime() - created_at.getTime()) / 1000),
    inactivity_closes_at: closesAt({ ...conversation, resumed_at }, timeout),
    messaging_window: hasWindow(channel)
      ? {
          state: isOpen(window_opened_at) ? "open" : "closed",
          expires_at: window_opened_at && new Date(window_opened_at.getTime() + day_ms),
          allowed_types: isOpen(window_opened_at) ? types : always,
        }
      : { state: "not_applicable", expires_at: null, allowed_types: types },
    portal_url: `${PUBLIC_URL}/portal/conversations/${id}`,
  };
}

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);

async function find(workspace_id: string, id: string) {
  if (!isUuid(id)) return undefined;
  const [row] = await sql<WithWindow[]>`${withWindow} where c.workspace_id = ${workspace_id} and c.id = ${id}`;
  return row && show(row);
}

app.get("/v1/conversations/:id", async (c) => {
  const found = await find(c.var.key.workspace_id, c.req.param("id"));
  return found ? c.json(found) : c.json({ error: "not found" }, 404);
});

app.get("/v1/conversations", async (c) => {
  const limit = Number(c.req.query("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) return c.json({ error: "limit" }, 400);
  const { workspace_id } = c.var.key;
  const rows = await sql<WithWindow[]>`${withWindow} where c.workspace_id = ${workspace_id}
    order by c.last_message_at desc, c.id desc limit ${limit + 1}`;
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return c.json({
    object: "list",
    data: data.map(show),
    has_more: rows.length > limit,
    next_cursor: rows.length > limit && last ? cursorBehind(workspace_id, last) : null,
  });
});

function cursorBehind(workspace_id: string, { last_message_at, id }: Conversation) {
  const body = Buffer.from(JSON.stringify([last_message_at, id])).toString("base64url");
  return `${body}.${createHmac("sha256", MASTER_KEY!).update(`${workspace_id}\n${body}`).digest("base64url")}`;
}

/** Several at once, as a client would ask who cannot batch by itself. */
app.get("/v1/batch", async (c) => {
  const { workspace_id } = c.var.key;
  return c.json(await Promise.all(idsOf(c).map((id) => find(workspace_id, id))));
});
const idsOf = (c: C) => (c.req.query("ids") ?? "").split(",");

app.post("/v1/conversations/:id/messages", async (c) => {
  const id = c.req.param("id");
  const given = await c.req.json<{ content?: { type?: unknown; text?: unknown } }>();
  const text = typeof given.content?.text === "string" ? given.content.text.trim() : "";
  if (given.content?.type !== "text" || text === "" || text.length > 4096) return c.json({ error: "content" }, 400);
  if (!isUuid(id)) return c.json({ error: "not found" }, 404);
  const { workspace_id, id: key_id, name } = c.var.key;

  const message = await sql.begin(async (tx) => {
    const [conversation] = await tx<WithWindow[]>`${withWindow} where c.workspace_id = ${workspace_id} and c.id = ${id} for update of c`;
    if (!conversation) return "not found";
    if (conversation.status !== "open" && conversation.status !== "pending") return "closed";
    const { channel, channel_id, contact_id, window_opened_at, timeout } = conversation;
    const [at] = await tx<{ status: string }[]>`select status from channels where workspace_id = ${workspace_id} and id = ${channel_id}`;
    if (at!.status === "disconnected") return "disconnected";
    if (hasWindow(channel) && !isOpen(window_opened_at)) return "window closed";

    const now = new Date();
    const message_id = randomUUID();
    const paid = { workspace_id, channel, channel_id, conversation_id: id, message_id, api_key_id: key_id, created_at: now };
    const entry = { ...paid, id: randomUUID(), metric: "messages_outbound", quantity: 1, credits: 1 };
    const [stored] = await tx`with charged as (insert into ledger_entries ${tx(entry)}) insert into messages ${tx({
      workspace_id,
      id: message_id,
      credits: 1,
      conversation_id: id,
      contact_id,
      channel,
      channel_id,
      direction: "outbound",
      sender: tx.json({ type: "api", id: key_id, name }),
      content: tx.json({ type: "text", text }),
      status: "queued",
      due_at: now,
      created_at: now,
      updated_at: now,
    })} returning id, conversation_id, contact_id, channel, direction, sender, content, status, error, external_id, client_reference, metadata,
      sent_at, delivered_at, read_at, failed_at, created_at, updated_at, credits::float8 as credits`;
    const shown = { ...stored, object: "message" };

    const preview = text.replaceAll(/\s+/g, " ").slice(0, 120);
    const [updated] = await tx<
      Conversation[]
    >`update conversations c set message_count = message_count + 1, last_message_preview = ${preview},
      last_message_at = ${now}, updated_at = ${now},
      first_response_at = case when last_inbound_at is not null then coalesce(first_response_at, ${now}) end
      where workspace_id = ${workspace_id} and id = ${id} returning ${columns}`;

    const event_id = randomUUID();
    const data = { message: shown, conversation: show({ ...updated!, window_opened_at, timeout }) };
    const payload = JSON.stringify({ id: event_id, type: "new_message", timestamp: now, workspace_id, data });
    await tx`insert into events ${tx({ workspace_id, id: event_id, type: "new_message", channel, conversation_id: id, payload, created_at: now })}`;
    const endpoints = await tx<{ id: string }[]>`select id from webhook_endpoints where workspace_id = ${workspace_id} and enabled
      and deleted_at is null and event_types @> array['new_message'] and (channels is null or channels @> ${[channel]})`;
    if (endpoints.length > 0) {
      await tx`insert into webhook_deliveries ${tx(
        endpoints.map((endpoint) => ({
          workspace_id,
          id: randomUUID(),
          endpoint_id: endpoint.id,
          event_id,
          event_type: "new_message",
          conversation_id: id,
          status: "ready",
          due_at: now,
          created_at: now,
          updated_at: now,
        })),
      )}`;
    }
    return shown;
  });
  if (typeof message === "string") return c.json({ error: message }, message === "not found" ? 404 : 409);
  return c.json(message, 201);
});

serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" });
// Ends by itself, so that a profile is written when one was asked for.
process.once("SIGTERM", () => process.exit(0));
