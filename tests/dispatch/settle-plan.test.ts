import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import { onPostgres } from "../support/database.ts";
import { modes, nodesOf, planOf } from "../support/plans.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

// PGlite is PostgreSQL 18, whose skip scan hides bad plans.
test.skipIf(!onPostgres())("a settlement finds each delivery by its key, whatever it was planned for", { timeout: 60_000 }, async () => {
  const { db, asked } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
  for (let n = 0; n < 20; n++) await leaveDeliveries(tenant.ctx, id, 1000, { status: "succeeded", completed_at: world.now() });
  // As the server does by itself, at a moment when nothing is under way: the index of what is leased looks as if it were empty.
  await db.execute(sql`analyze`);
  await leaveDeliveries(tenant.ctx, id, 1);
  await dispatchDeliveries(world.services, { budget_ms: 0 });
  const settlement = asked.findLast((one) => one.statement.includes("across tenants: settle"))!;

  for (const mode of modes) {
    const plan = await planOf(db, mode, settlement);
    const settled = nodesOf(plan).find((node) => node["Subplan Name"] === "CTE settled")!;
    const looked_up = nodesOf(settled).filter(
      (node) => node["Relation Name"] === "webhook_deliveries" && node["Node Type"] !== "ModifyTable",
    );
    expect(looked_up, mode).toMatchObject([{ "Node Type": "Index Scan", "Index Name": "webhook_deliveries_workspace_id_id_pk" }]);
  }
});
