import { expect, test } from "vitest";
import { judgedStatements, takeTrespasses, tenant_tables, trespass } from "../support/fence.ts";
import { createWorld } from "../support/world.ts";

test("the fence stands around every table of a tenant", () => {
  expect(tenant_tables).toEqual(
    expect.arrayContaining(["messages", "conversations", "contacts", "events", "webhook_deliveries", "audit_log"]),
  );
  expect(tenant_tables).not.toContain("workspaces");
});

test.each([
  ['select "id" from "messages" where "messages"."id" = $1'],
  ['update "conversations" set "status" = $1 where "id" = $2'],
  ["delete from webhook_attempts where created_at < $1"],
  ['select 1 from "workspaces" join "contacts" on true'],
  ["/* across tenants: because I say so */ select * from messages"],
])("a statement that names no workspace is caught: %s", (statement) => {
  expect(trespass(statement)).toBeDefined();
});

test.each([
  ['select "id" from "messages" where ("messages"."workspace_id" = $1 and "messages"."id" = $2)'],
  ['insert into "events" ("workspace_id", "id") values ($1, $2)'],
  ["/* across tenants: claim */ update messages set status = 'sending'"],
  ['select "channels"."id" from "channel_routes" inner join "channels" on true where "channel_routes"."channel_id" = $1'],
  ['select "id" from "workspaces" where "id" = $1'],
])("a statement that keeps to its tenant passes: %s", (statement) => {
  expect(trespass(statement)).toBeUndefined();
});

test("whatever a request asks of the database is judged", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const before = judgedStatements();
  await tenant.hears("Hello");
  await world.deliver();
  expect(judgedStatements() - before).toBeGreaterThan(8);
  expect(takeTrespasses()).toEqual([]);
});
