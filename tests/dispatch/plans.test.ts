import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import { onPostgres } from "../support/database.ts";
import { modes, nodesOf, planOf, type Node } from "../support/plans.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

// PGlite is PostgreSQL 18, whose skip scan hides bad plans.
test.skipIf(!onPostgres())("a run finds what it changes by the right index, whatever it was planned for", { timeout: 60_000 }, async () => {
  const { db, asked } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
  for (let n = 0; n < 20; n++) await leaveDeliveries(tenant.ctx, id, 1000, { status: "succeeded", completed_at: world.now() });
  // As the server does by itself, at a moment when nothing is under way: the indexes of what is to be done look as if they were empty.
  await db.execute(sql`analyze`);
  await leaveDeliveries(tenant.ctx, id, 1);
  await dispatchDeliveries(world.services, { budget_ms: 0 });
  const [settling, reviving] = ["settle", "revive"].map((name) =>
    asked.findLast((one) => one.statement.includes(`across tenants: ${name}`))!,
  );

  for (const mode of modes) {
    const settlement = nodesOf(await planOf(db, mode, settling!));
    expect(scansIn(settlement, "CTE settled"), mode).toEqual(["webhook_deliveries_workspace_id_id_pk"]);
    expect(scansIn(settlement, "CTE waiting"), mode).toEqual(["webhook_deliveries_waiting"]);
    const revival = nodesOf(await planOf(db, mode, reviving!));
    expect(scansIn(revival, "CTE due"), mode).toEqual(["webhook_deliveries_scheduled"]);
  }
});

/** By which indexes a part of the statement finds deliveries. */
function scansIn(nodes: Node[], subplan: string): (string | undefined)[] {
  const part = nodes.find((node) => node["Subplan Name"] === subplan)!;
  const scans = nodesOf(part).filter((node) => node["Relation Name"] === "webhook_deliveries" && node["Node Type"].endsWith("Scan"));
  return scans.map((node) => node["Index Name"]);
}
