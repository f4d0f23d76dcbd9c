import { createHash, randomUUID } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import postgres from "postgres";

/**
 * What somebody in a hurry would write: the same key check, the same limiter, the same statements, in one
 * file, with no contracts, no document, no second surface.
 */
const sql = postgres(process.env["DATABASE_URL"]!, { max: 10, connection: { TimeZone: "UTC" } });
const app = new Hono<{ Variables: { workspace_id: string; key_id: string } }>();

app.use("/v1/*", async (c, next) => {
  const digest = createHash("sha256")
    .update((c.req.header("authorization") ?? "").slice(7))
    .digest("base64url");
  const [row] = await sql`
    with minute as materialized (select date_bin('1 minute', clock_timestamp(), 'epoch'::timestamptz) as at),
    found as materialized (
      select k.id, k.workspace_id, k.scopes, k.rate_limit_per_minute as key_limit, w.api_rate_limit_per_minute as tenant_limit
      from api_key_digests d join api_keys k on k.workspace_id = d.workspace_id and k.id = d.api_key_id join workspaces w on w.id = k.workspace_id
      where d.digest = ${digest} and k.revoked_at is null),
    wanted(scope, subject, allowed) as (select 0, '127.0.0.1', 1000000000 union all select 1, id::text, key_limit from found
      union all select 2, workspace_id::text, tenant_limit from found),
    filled as materialized (select wanted.scope from minute cross join wanted left join rate_limit_windows r on r.scope = wanted.scope
      and r.subject = wanted.subject and r.window_start = minute.at where coalesce(r.hits, 0) + 1 > wanted.allowed limit 1),
    i as (insert into rate_limit_windows as r select 0, '127.0.0.1', at, 1 from minute where not exists (select 1 from filled)
      on conflict (scope, subject, window_start) do update set hits = r.hits + 1 where r.hits < 1000000000 returning hits),
    k as (insert into rate_limit_windows as r select 1, id::text, at, 1 from minute, found where exists (select 1 from i)
      on conflict (scope, subject, window_start) do update set hits = r.hits + 1 where r.hits < (select key_limit from found) returning hits),
    t as (insert into rate_limit_windows as r select 2, workspace_id::text, at, 1 from minute, found where exists (select 1 from k)
      on conflict (scope, subject, window_start) do update set hits = r.hits + 1 where r.hits < (select tenant_limit from found) returning hits)
    select found.*, (select hits from t) as taken from found`;
  if (!row) return c.json({ error: "unauthorized" }, 401);
  if (row["taken"] === null) return c.json({ error: "too many requests" }, 429);
  c.set("workspace_id", String(row["workspace_id"]));
  c.set("key_id", String(row["id"]));
  return next();
});

const withWindow = sql`select c.*, w.last_inbound_at as window_opened_at from conversations c left join contact_channels w
  on w.workspace_id = c.workspace_id and w.channel_id = c.channel_id and w.contact_id = c.contact_id`;

app.get("/v1/conversations/:id", async (c) => {
  const [row] = await sql`${withWindow} where c.workspace_id = ${c.var.workspace_id} and c.id = ${c.req.param("id")}`;
  return row ? c.json(row) : c.json({ error: "not found" }, 404);
});

app.get("/v1/conversations", async (c) => {
  const limit = Number(c.req.query("limit") ?? 20);
  const rows =
    await sql`${withWindow} where c.workspace_id = ${c.var.workspace_id} order by c.last_message_at desc, c.id desc limit ${limit + 1}`;
  return c.json({ data: rows.slice(0, limit), has_more: rows.length > limit });
});

app.post("/v1/conversations/:id/messages", async (c) => {
  const { content } = await c.req.json<{ content: { type: string; text: string } }>();
  const { workspace_id, key_id } = c.var;
  const message = await sql.begin(async (tx) => {
    const [conversation] = await tx`select c.*, w.last_inbound_at as opened_at from conversations c left join contact_channels w
      on w.workspace_id = c.workspace_id and w.channel_id = c.channel_id and w.contact_id = c.contact_id
      where c.workspace_id = ${workspace_id} and c.id = ${c.req.param("id")} for update of c`;
    if (!conversation || conversation["status"] !== "open") throw new Error("closed");
    const [channel] =
      await tx`select status from channels where workspace_id = ${workspace_id} and id = ${String(conversation["channel_id"])}`;
    if (channel!["status"] === "disconnected") throw new Error("disconnected");
    const now = new Date();
    const [message] = await tx`insert into messages ${tx({
      workspace_id,
      id: randomUUID(),
      conversation_id: String(conversation["id"]),
      contact_id: String(conversation["contact_id"]),
      channel: String(conversation["channel"]),
      channel_id: String(conversation["channel_id"]),
      direction: "outbound",
      sender: tx.json({ type: "api", id: key_id, name: "key" }),
      content: tx.json(content),
      status: "queued",
      due_at: now,
      created_at: now,
      updated_at: now,
    })} returning *`;
    const [updated] =
      await tx`update conversations set message_count = message_count + 1, last_message_preview = ${content.text}, last_message_at = ${now},
      updated_at = ${now}, first_response_at = coalesce(first_response_at, ${now}) where workspace_id = ${workspace_id} and id = ${String(conversation["id"])} returning *`;
    const event_id = randomUUID();
    const payload = JSON.stringify({
      id: event_id,
      type: "new_message",
      timestamp: now,
      workspace_id,
      data: { message, conversation: updated },
    });
    await tx`insert into events ${tx({ workspace_id, id: event_id, type: "new_message", conversation_id: String(conversation["id"]), payload, created_at: now })}`;
    await tx`select id from webhook_endpoints where workspace_id = ${workspace_id} and enabled and deleted_at is null and event_types @> array['new_message']`;
    return message;
  });
  return c.json(message, 201);
});

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send!(port));
