import { expect, test } from "vitest";
import type { Db } from "../../src/core/context.ts";
import { onPostgres } from "../support/database.ts";
import { modes, nodesOf, planOf, type Node } from "../support/plans.ts";
import { caughtUp } from "../support/feeds.ts";
import { seedHistory, type History } from "../support/history.ts";
import { openWatchedDatabase, type Asked } from "../support/statements.ts";
import type { Page } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

interface List {
  of: (history: History) => string;
  table: string;
  /** The index that has the list's rows in the list's order. */
  index: string;
  /** A list of several states takes a page of each, and sorts those few. */
  sorts_pages?: boolean;
}

const conversations = (index: string) => ({ table: "conversations", index: `conversations_${index}` });
const messages = (index: string) => ({ table: "messages", index: `messages_${index}` });
const deliveries = (index: string) => ({ table: "webhook_deliveries", index: `webhook_deliveries_${index}` });
const tickets = (index: string) => ({ table: "tickets", index: `tickets_${index}` });

const lists: Record<string, List> = {
  conversations: { of: () => "/v1/conversations", ...conversations("workspace_id_last_message_at_id_index") },
  "conversations, the most silent first": {
    of: () => "/v1/conversations?sort=last_message_at",
    ...conversations("workspace_id_last_message_at_id_index"),
  },
  "conversations, the first to begin": { of: () => "/v1/conversations?sort=created_at", ...conversations("workspace_id_id_pk") },
  "conversations, the longest unchanged": {
    of: () => "/v1/conversations?sort=updated_at",
    ...conversations("workspace_id_updated_at_id_index"),
  },
  "conversations by creation": { of: () => "/v1/conversations?sort=-created_at", ...conversations("workspace_id_id_pk") },
  "conversations by creation before a moment": {
    of: ({ moment }) => `/v1/conversations?sort=-created_at&created_before=${moment}`,
    ...conversations("workspace_id_id_pk"),
  },
  "conversations by update": { of: () => "/v1/conversations?sort=-updated_at", ...conversations("workspace_id_updated_at_id_index") },
  "conversations of a status": {
    of: () => "/v1/conversations?status=resolved",
    ...conversations("workspace_id_status_last_message_at_id_index"),
  },
  "conversations of a rare status": {
    of: () => "/v1/conversations?status=pending",
    ...conversations("workspace_id_status_last_message_at_id_index"),
  },
  "conversations of two rare statuses": {
    of: () => "/v1/conversations?status=pending&status=ended",
    ...conversations("workspace_id_status_last_message_at_id_index"),
    sorts_pages: true,
  },
  "conversations of a member": {
    of: ({ assignee_id }) => `/v1/conversations?assignee_id=${assignee_id}`,
    ...conversations("assigned"),
  },
  "conversations of nobody": { of: () => "/v1/conversations?assignee_id=none", ...conversations("unassigned") },
  "conversations of a contact": {
    of: ({ contact_id }) => `/v1/contacts/${contact_id}/conversations`,
    ...conversations("workspace_id_contact_id_last_message_at_id_index"),
  },
  messages: { of: () => "/v1/messages", ...messages("workspace_id_id_pk") },
  "messages before a moment": { of: ({ moment }) => `/v1/messages?created_before=${moment}`, ...messages("workspace_id_id_pk") },
  "messages as a feed": { of: () => "/v1/messages?order=asc", ...messages("workspace_id_xid_id_index") },
  "messages as a feed, after a moment": {
    of: ({ moment }) => `/v1/messages?order=asc&created_after=${moment}`,
    ...messages("workspace_id_xid_id_index"),
  },
  "messages that failed": { of: () => "/v1/messages?status=failed", ...messages("by_status") },
  "messages that failed or may have": {
    of: () => "/v1/messages?status=failed&status=unknown",
    ...messages("by_status"),
    sorts_pages: true,
  },
  "messages of a conversation": {
    of: ({ conversation_id }) => `/v1/conversations/${conversation_id}/messages`,
    ...messages("workspace_id_conversation_id_id_index"),
  },
  deliveries: { of: () => "/v1/webhook_deliveries", ...deliveries("workspace_id_id_pk") },
  "deliveries before a moment": {
    of: ({ moment }) => `/v1/webhook_deliveries?created_before=${moment}`,
    ...deliveries("workspace_id_id_pk"),
  },
  "deliveries of an endpoint": {
    of: ({ endpoint_id }) => `/v1/webhook_endpoints/${endpoint_id}/deliveries`,
    ...deliveries("by_endpoint"),
  },
  "deliveries that succeeded": { of: () => "/v1/webhook_deliveries?status=succeeded", ...deliveries("workspace_id_id_pk") },
  "deliveries that failed": { of: () => "/v1/webhook_deliveries?status=failed", ...deliveries("by_status") },
  "deliveries that were canceled": { of: () => "/v1/webhook_deliveries?status=canceled", ...deliveries("by_status") },
  "deliveries that wait": { of: () => "/v1/webhook_deliveries?status=pending", ...deliveries("by_status"), sorts_pages: true },
  tickets: { of: () => "/v1/tickets", ...tickets("workspace_id_id_pk") },
  "tickets before a moment": { of: ({ moment }) => `/v1/tickets?created_before=${moment}`, ...tickets("workspace_id_id_pk") },
  "tickets by update": { of: () => "/v1/tickets?sort=-updated_at", ...tickets("workspace_id_updated_at_id_index") },
  "tickets of a status": { of: () => "/v1/tickets?status=open", ...tickets("workspace_id_status_id_index") },
  "tickets of two statuses": {
    of: () => "/v1/tickets?status=open&status=waiting",
    ...tickets("workspace_id_status_id_index"),
    sorts_pages: true,
  },
  "the audit log": { of: () => "/v1/audit_log", table: "audit_log", index: "audit_log_workspace_id_id_pk" },
  "the audit log before a moment": {
    of: ({ moment }) => `/v1/audit_log?created_before=${moment}`,
    table: "audit_log",
    index: "audit_log_workspace_id_id_pk",
  },
  contacts: { of: () => "/v1/contacts", table: "contacts", index: "contacts_workspace_id_id_pk" },
  events: { of: () => "/v1/events", table: "events", index: "events_workspace_id_xid_id_index" },
  "events of a conversation": {
    of: ({ conversation_id }) => `/v1/events?conversation_id=${conversation_id}`,
    table: "events",
    index: "events_of_conversation",
  },
  "charges of a conversation": {
    of: ({ conversation_id }) => `/v1/billing/ledger?conversation_id=${conversation_id}`,
    table: "ledger_entries",
    index: "ledger_entries_of_conversation",
  },
  "events after a moment": {
    of: ({ moment }) => `/v1/events?created_after=${moment}`,
    table: "events",
    index: "events_workspace_id_xid_id_index",
  },
};

const limit = 5;
const deep = 4;

test.skipIf(!onPostgres())(
  "a page of every list, the first or a deep one, is read from its index, or found in so many rows of one, and nothing else is",
  async () => {
    const { db, asked } = await openWatchedDatabase();
    const { app, services } = await createWorld({ db });
    const history = await seedHistory(services, 100_000);
    await caughtUp(db);

    const ask = async <T = unknown>(path: string, cursor: string | null, rows = limit) => {
      asked.length = 0;
      const query = `limit=${limit}${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const response = await app.request(`${path}${path.includes("?") ? "&" : "?"}${query}`, {
        headers: { Authorization: `Bearer ${history.api_key}` },
      });
      const { data, next_cursor } = (await response.json()) as Page<T>;
      expect([path, response.status, data.length]).toEqual([path, 200, rows]);
      return { data, next_cursor, page: asked.findLast(({ statement }) => / order by .* limit \$\d+$/s.test(statement))! };
    };

    const faults: string[] = [];
    for (const [name, list] of Object.entries(lists)) {
      let { next_cursor, page } = await ask(list.of(history), null);
      faults.push(...(await faultsOf(db, list, page)).map((fault) => `${name}: ${fault}`));
      for (let at = 2; at <= deep; at++) ({ next_cursor, page } = await ask(list.of(history), next_cursor));
      faults.push(...(await faultsOf(db, list, page)).map((fault) => `${name}, page ${deep}: ${fault}`));
    }
    const [{ event_id }] = (await ask<{ event_id: string }>("/v1/webhook_deliveries", null)).data as [{ event_id: string }];
    const { page } = await ask(`/v1/webhook_deliveries?event_id=${event_id}`, null, 1);
    faults.push(...(await faultsOf(db, of_an_event, page)).map((fault) => `deliveries of an event: ${fault}`));
    for (const [name, of] of Object.entries(sought)) {
      asked.length = 0;
      const response = await app.request(`${of(history)}&limit=${limit}`, { headers: { Authorization: `Bearer ${history.api_key}` } });
      expect([name, response.status]).toEqual([name, 200]);
      faults.push(...(await strayingOf(db, [...asked])).map((fault) => `${name}: ${fault}`));
    }
    expect(faults).toEqual([]);
  },
  120_000,
);

/** At most one for each endpoint: so few are sorted. */
const of_an_event = { ...deliveries("by_event"), sorts_pages: true };

/** Lists for whose filters no index has the rows in the list's order, and which few rows meet. */
const sought: Record<string, (history: History) => string> = {
  "messages of a channel": () => "/v1/messages?channel=twilio_sms",
  "messages of a status that none has": () => "/v1/messages?status=sent",
  "messages that wait": () => "/v1/messages?status=queued",
  "messages by their last change": () => `/v1/messages?updated_after=${new Date(Date.now() + 60_000).toISOString()}`,
  "messages of a contact, of another channel": ({ contact_id }) => `/v1/messages?contact_id=${contact_id}&channel=twilio_sms`,
  "a feed of a channel": () => "/v1/messages?order=asc&channel=twilio_sms",
  "a feed of what failed, of another channel": () => "/v1/messages?order=asc&status=failed&channel=twilio_sms",
  "a feed of what waits": () => "/v1/messages?order=asc&status=queued&status=sending",
  "a feed of what is on its way": () => "/v1/messages?order=asc&status=sent",
  "a feed by their last change": () => `/v1/messages?order=asc&updated_after=${new Date(Date.now() + 60_000).toISOString()}`,
  "a feed of a contact, of another channel": ({ contact_id }) => `/v1/messages?order=asc&contact_id=${contact_id}&channel=twilio_sms`,
  "a feed that ends long ago": ({ moment }) => `/v1/messages?order=asc&channel=twilio_sms&created_before=${moment}`,
  "conversations with a tag": () => "/v1/conversations?tag=nobody",
  "closed conversations with a tag": () => "/v1/conversations?is_open=false&tag=nobody&sort=-updated_at",
  "conversations of a member, by update": ({ assignee_id }) =>
    `/v1/conversations?assignee_id=${assignee_id}&priority=urgent&sort=-updated_at`,
  "tickets of a priority": () => "/v1/tickets?priority=urgent",
  "tickets of a contact and a tag, by update": ({ contact_id }) => `/v1/tickets?contact_id=${contact_id}&tag=nobody&sort=updated_at`,
};
/** As `db/look-through.ts` has it. */
const most_looked_at = 5_000;

/** What any statement of such a list reads beyond its bound, planned either way. */
async function strayingOf(db: Db, asked: Asked[]): Promise<string[]> {
  const faults: string[] = [];
  for (const statement of asked.filter(
    ({ statement }) => /\b(order by|limit)\b/.test(statement) && /"(conversations|messages|tickets)"/.test(statement),
  ))
    for (const mode of modes)
      for (const node of nodesOf(await planOf(db, mode, statement, "analyze"))) {
        const table = node["Relation Name"];
        if (table === undefined || !["conversations", "messages", "tickets"].includes(table)) continue;
        if (node["Node Type"] === "Seq Scan" && rowsReadBy(node) > at_most) faults.push(`${mode} walks over all ${table}`);
        if (rowsReadBy(node) > most_looked_at)
          faults.push(`${mode} reads ${rowsReadBy(node)} ${table} by ${node["Index Name"] ?? node["Node Type"]}`);
      }
  return faults;
}

/**
 * As it is planned for these values, and for any: a prepared statement may come to be run either way. What is joined to
 * a page's rows is not judged: PostgreSQL may read all of a table while it has so few rows as here.
 */
async function faultsOf(db: Db, { table, index, sorts_pages = false }: Omit<List, "of">, page: Asked): Promise<string[]> {
  const faults: string[] = [];
  for (const mode of modes) {
    const nodes = nodesOf(await planOf(db, mode, page, "analyze"));
    const scans = nodes.filter((node) => node["Relation Name"] === table);
    if (!scans.some((scan) => scan["Index Name"] === index)) faults.push(`${mode} does not use ${index}`);
    for (const scan of scans) {
      if (scan["Node Type"] === "Seq Scan") faults.push(`${mode} walks over the whole table`);
      if (rowsReadBy(scan) > at_most) faults.push(`${mode} reads ${rowsReadBy(scan)} rows by ${scan["Index Name"] ?? scan["Node Type"]}`);
    }
    const sorts = nodes.filter((node) => node["Node Type"].includes("Sort") && nodesOf(node).some((within) => scans.includes(within)));
    if (sorts.length > 0 && !sorts_pages) faults.push(`${mode} sorts`);
  }
  return faults;
}

/** About a page: some lists pass over a few rows that are not theirs. */
const at_most = 3 * (limit + 1);

/** Those that it threw away were read too. */
const rowsReadBy = (node: Node): number =>
  (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0)) * node["Actual Loops"];
