import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { query } from "../../src/db/query.ts";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import { onPostgres } from "../support/database.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Subplan Name"?: string;
  Plans?: Node[];
}

const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

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
  const { statement, params } = asked.findLast((one) => one.statement.includes("across tenants: settle"))!;

  for (const mode of ["force_custom_plan", "force_generic_plan"]) {
    const plan = await db.transaction(async (tx) => {
      await tx.execute(sql.raw(`set local plan_cache_mode = ${mode}`));
      await tx.execute(sql.raw(`prepare settlement as ${statement}`));
      const values = params.map((value) => `'${String(value).replaceAll("'", "''")}'`).join();
      const [row] = await query<{ "QUERY PLAN": [{ Plan: Node }] }>(tx, sql.raw(`explain (format json) execute settlement(${values})`));
      await tx.execute(sql.raw("deallocate settlement"));
      return row!["QUERY PLAN"][0].Plan;
    });
    const settled = nodesOf(plan).find((node) => node["Subplan Name"] === "CTE settled")!;
    const looked_up = nodesOf(settled).filter(
      (node) => node["Relation Name"] === "webhook_deliveries" && node["Node Type"] !== "ModifyTable",
    );
    expect(looked_up, mode).toMatchObject([{ "Node Type": "Index Scan", "Index Name": "webhook_deliveries_workspace_id_id_pk" }]);
  }
});
