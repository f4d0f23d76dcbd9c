import { sql } from "drizzle-orm";
import { newWorkspace } from "../../src/bin/new-workspace.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { systemCtx, type Services } from "../../src/core/context.ts";
import { idOf, uuidOf, type Id } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import { rfc3339 } from "../../src/db/columns.ts";
import { query } from "../../src/db/query.ts";
import { inviteMember } from "../../src/team/invite-member.ts";
import { sumUpUsage } from "../../src/usage/sum-up-usage.ts";
import { createEndpoint } from "../../src/webhooks/create-endpoint.ts";

const workspaces = 20;
const messages_per_conversation = 20;
const days = 60;

/** An id as the service makes them, of a moment and a number. */
const idAt = (at: string, salt: string) =>
  sql.raw(
    `(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5(${salt}), 1, 3) || '8' || substr(md5(${salt}), 4, 15))::uuid`,
  );

export type History = Awaited<ReturnType<typeof seedHistory>>;

/** A history of so many messages in twenty workspaces, of which the first has half of everything. */
export async function seedHistory(services: Services, messages: number) {
  const conversations = messages / messages_per_conversation;
  const tenants = [];
  for (let n = 0; n < workspaces; n++) {
    const share = n === 0 ? 0.5 : 0.5 / (workspaces - 1);
    tenants.push(await seedWorkspace(services, Math.max(1, Math.round(conversations * share))));
  }
  await services.db.execute(sql`vacuum analyze`);
  await sumUpUsage(services);
  await services.db.execute(sql`vacuum analyze`);
  return tenants[0]!;
}

async function seedWorkspace(services: Services, conversations: number) {
  const { workspace_id, api_key } = await newWorkspace(services, { name: "Bench", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(services, workspace_id);
  const ws = uuidOf(workspace_id);
  const { db } = services;
  await db.execute(sql`update workspaces set api_rate_limit_per_minute = 1000000000 where id = ${ws}::uuid`);
  await db.execute(sql`update api_keys set rate_limit_per_minute = 1000000000 where workspace_id = ${ws}::uuid`);
  const channel = { channel: "whatsapp", provider: "sandbox", name: "Bench", account_id: "sandbox", credentials: {} } as const;
  const { id: channel_id } = await atomically(ctx, (tx) => createChannel(tx, channel));
  const member = await atomically(ctx, (tx) => inviteMember(tx, { email: `${workspace_id}@shop.example`, role: "agent" }));
  const about = { event_types: ["new_message" as const], enabled: false, delivery_id_header: true };
  const url = "https://hooks.example.invalid/";
  const { id: endpoint_id } = await atomically(ctx, (tx) => createEndpoint(tx, { ...about, url }, url));
  const [chan, mem, whe] = [channel_id, member.id, endpoint_id].map(uuidOf) as [string, string, string];

  const began = sql.raw(`(now() - interval '${days} days' * (1 - n::float8 / ${conversations}))`);
  await db.execute(
    sql`create unlogged table history as select n, ${began}::timestamptz(3) as at from generate_series(1, ${conversations}) as n`,
  );
  await db.execute(sql`alter table history add contact_id uuid, add conversation_id uuid`);
  await db.execute(sql`update history set contact_id = ${idAt("at", "'c' || n")}, conversation_id = ${idAt("at", "'v' || n")}`);
  await db.execute(sql`insert into contacts (workspace_id, id, name, created_at, updated_at)
    select ${ws}::uuid, contact_id, 'Customer ' || n, at, at from history`);
  await db.execute(sql`insert into contact_identities (workspace_id, kind, value, contact_id, created_at)
    select ${ws}::uuid, 'phone', (15550000000 + n)::text, contact_id, at from history`);
  await db.execute(sql`insert into contact_addresses (workspace_id, channel_id, kind, value, last_inbound_at)
    select ${ws}::uuid, ${chan}::uuid, 'phone', (15550000000 + n)::text, at from history`);
  // One of them comes back again and again.
  const middle = sql.raw(String(Math.ceil(conversations / 2)));
  await db.execute(sql`update history set contact_id = (select contact_id from history where n = ${middle}) where n % 30 = 2`);
  await db.execute(sql`
    insert into conversations (workspace_id, id, channel, channel_id, contact_id, status, assignee_id, tags, message_count, last_message_preview,
      last_message_at, last_inbound_at, first_inbound_at, first_response_at, closed_at, closed_by, created_at, updated_at)
    select ${ws}::uuid, conversation_id, 'whatsapp', ${chan}::uuid, contact_id, case when n % 25 = 1 then 'pending' when n % 3 = 0 then 'open' else 'resolved' end,
      case when n % 4 = 0 then ${mem}::uuid end, case when n % 10 = 0 then array['vip'] else '{}'::text[] end, ${messages_per_conversation},
      'Thank you', at + interval '1 hour', at + interval '50 minutes', at, at + interval '4 minutes',
      case when n % 3 > 0 and n % 25 <> 1 then at + interval '2 hours' end, case when n % 3 > 0 and n % 25 <> 1 then 'api' end, at, at + interval '1 hour' from history`);
  const words = sql.raw(
    `(array['Where is my order', 'Thank you', 'The lamp is broken', 'طلبي لم يصل', 'Je cherche ma facture'])[1 + (n * 7 + m) % 5]`,
  );
  const moment = sql.raw(`(at + interval '3 minutes' * (m - 1))`);
  await db.execute(sql`
    insert into messages (workspace_id, id, conversation_id, contact_id, channel, channel_id, direction, sender, content, status, credits, created_at, updated_at)
    select ${ws}::uuid, ${idAt("(at + interval '3 minutes' * (m - 1))", "n || ' ' || m")}, conversation_id, contact_id, 'whatsapp', ${chan}::uuid,
      case when m % 2 = 1 then 'inbound' else 'outbound' end, '{"type":"system","id":null,"name":null}'::jsonb,
      jsonb_build_object('type', 'text', 'text', ${words} || ' ' || n), case when m % 2 = 1 then 'received' when n % 20 = m then 'failed' when n % 25 = m then 'unknown' else 'delivered' end, 0.1, ${moment}, ${moment}
    from history, generate_series(1, ${messages_per_conversation}) as m`);
  await db.execute(sql`
    insert into ledger_entries (workspace_id, id, metric, quantity, credits, channel, channel_id, conversation_id, message_id, created_at)
    select workspace_id, id, 'messages_' || direction, 1, 0.1, channel, channel_id, conversation_id, id, created_at
    from messages where workspace_id = ${ws}::uuid`);
  await db.execute(sql`
    insert into events (workspace_id, id, type, channel, conversation_id, payload, created_at)
    select ${ws}::uuid, ${idAt("at", "'e' || n")}, 'new_message', 'whatsapp',
      case when n % 30 = 2 then (select conversation_id from history where n = ${middle}) else conversation_id end, '{}', at from history`);
  await db.execute(sql`
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, conversation_id, status, due_at, created_at, updated_at)
    select ${ws}::uuid, ${idAt("at", "'d' || n")}, ${whe}::uuid, ${idAt("at", "'e' || n")}, 'new_message', conversation_id,
      case when n % 20 = 0 then 'failed' when n % 25 = 1 then 'scheduled' when n % 25 = 2 then 'canceled' else 'succeeded' end, at, at, at from history`);
  await db.execute(sql`
    insert into tickets (workspace_id, id, number, subject, status, created_by, conversation_id, contact_id, created_at, updated_at)
    select ${ws}::uuid, ${idAt("at", "'t' || n")}, n, 'Refund of order ' || n, case when n % 2 = 0 then 'open' else 'closed' end,
      '{"type":"system","id":null,"name":"Bench"}'::jsonb, conversation_id, contact_id, at, at from history`);
  await db.execute(sql`
    insert into audit_log (workspace_id, id, action, actor_type, actor_id, actor_name, target_id, details, request_id, created_at)
    select ${ws}::uuid, ${idAt("at", "'a' || n")}, 'contact.deleted', 'system', null, 'Bench', contact_id::text, '{}'::jsonb,
      ${idAt("at", "'r' || n")}, at from history`);
  const [one] = await query<{ conversation_id: string; contact_id: string; at: string }>(
    db,
    sql`select conversation_id, contact_id, at::text from history where n = ${middle}`,
  );
  await db.execute(sql`drop table history`);
  return {
    api_key,
    assignee_id: member.id,
    endpoint_id,
    conversation_id: idOf("conv", one!.conversation_id) satisfies Id<"conv">,
    contact_id: idOf("cont", one!.contact_id) satisfies Id<"cont">,
    /** With as much before it as after. */
    moment: rfc3339(one!.at),
  };
}
