import { AsyncLocalStorage } from "node:async_hooks";
import type { Logger } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import * as api_keys from "../../src/api-keys/tables.ts";
import * as audit from "../../src/audit/tables.ts";
import * as channels from "../../src/channels/tables.ts";
import * as contacts from "../../src/contacts/tables.ts";
import * as conversations from "../../src/conversations/tables.ts";
import * as idempotency from "../../src/idempotency/tables.ts";
import * as messages from "../../src/messages/tables.ts";
import * as notes from "../../src/notes/tables.ts";
import * as search from "../../src/search/tables.ts";
import * as team from "../../src/team/tables.ts";
import * as tickets from "../../src/tickets/tables.ts";
import * as templates from "../../src/templates/tables.ts";
import * as usage from "../../src/usage/tables.ts";
import * as webhooks from "../../src/webhooks/tables.ts";

/** The look-ups that are made before the tenant is known live in tables of their own. */
const credential_tables = ["api_key_digests", "channel_routes", "invitation_digests", "memberships", "sessions"];

/** Every other table whose rows are a workspace's. */
export const tenant_tables: string[] = [
  api_keys,
  audit,
  channels,
  contacts,
  conversations,
  idempotency,
  messages,
  notes,
  search,
  team,
  templates,
  tickets,
  usage,
  webhooks,
]
  .flatMap((tables) => Object.values(tables) as unknown[])
  .filter((table): table is PgTable => table instanceof PgTable)
  .map((table) => getTableConfig(table))
  .filter(({ columns, name }) => columns.some((column) => column.name === "workspace_id") && !credential_tables.includes(name))
  .map(({ name }) => name);

/** The statements that speak of many tenants at once, by the name that each carries in a comment. */
const across_tenants = ["who asks", "last use of keys", "claim", "revive", "release", "settle", "turn", "tend", "sweep", "tally"];

/** Why a statement may not pass; undefined when it may. */
export function trespass(statement: string): string | undefined {
  const named = /^\s*\/\* across tenants: ([\w ]+) \*\//.exec(statement)?.[1];
  if (named !== undefined) return across_tenants.includes(named) ? undefined : `"${named}" is not in the list of statements across tenants`;
  if (credential_tables.some((table) => statement.includes(`from "${table}"`))) return undefined;
  const touched = tenant_tables.filter((table) => new RegExp(`\\b(from|join|update|into)\\s+"?${table}"?\\b`, "i").test(statement));
  if (touched.length === 0) return undefined;
  const names_its_workspace =
    /workspace_id"?\s*(=|in)\s*\(?\$\d/.test(statement) || /^\s*(with beside as \()?insert into "\w+" \("workspace_id"/.test(statement);
  return names_its_workspace ? undefined : `it touches ${touched.join(", ")} and names no workspace`;
}

const inService = new AsyncLocalStorage<true>();
const trespasses: string[] = [];
let judged = 0;
export const judgedStatements = (): number => judged;

/** What a test asks of the database itself is its own affair; what the service asks is judged. */
export const asService = <T>(run: () => T): T => inService.run(true, run);

export const fence: Logger = {
  logQuery(statement) {
    if (!inService.getStore()) return;
    judged += 1;
    const why = trespass(statement);
    if (why !== undefined) trespasses.push(`${why}: ${statement}`);
  },
};

export const takeTrespasses = (): string[] => trespasses.splice(0);
