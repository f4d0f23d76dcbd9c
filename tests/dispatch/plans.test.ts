import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { after, hours } from "../../src/core/time.ts";
import { dispatchDeliveries } from "../../src/dispatch/dispatch-deliveries.ts";
import { onPostgres } from "../support/database.ts";
import { modes, nodesOf, planOf, type Node } from "../support/plans.ts";
import { openWatchedDatabase } from "../support/statements.ts";
import { leaveDeliveries, leaveEndpoints } from "../support/webhooks.ts";
import { webhook_endpoints } from "../../src/webhooks/tables.ts";
import { createWorld } from "../support/world.ts";

// PGlite is PostgreSQL 18, whose skip scan hides bad plans.
test.skipIf(!onPostgres())("a run finds what it changes by the right index, whatever it was planned for", { timeout: 60_000 }, async () => {
  const { db, asked } = await openWatchedDatabase();
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
  for (let n = 0; n < 20; n++) await leaveDeliveries(tenant.ctx, id, 1000, { status: "succeeded", completed_at: world.now() });
  await leaveEndpoints(tenant.ctx, "http://127.0.0.1:9/hook", 2000);
  // As the server does by itself, at a moment when nothing is under way: the indexes of what is to be done look as if they were empty.
  await db.execute(sql`analyze`);
  await leaveDeliveries(tenant.ctx, id, 1);
  await dispatchDeliveries(world.services, { budget_ms: 0 });
  await tenant.ctx.db.update(webhook_endpoints).set({ recovered_at: world.now(), tend_at: world.now() });
  await dispatchDeliveries(world.services, { budget_ms: 0 });
  const [settling, reviving, tending, hurrying, withdrawing] = [
    "across tenants: settle",
    "across tenants: revive",
    "across tenants: tend",
    "hurry",
    "withdraw",
  ].map((name) => asked.findLast((one) => one.statement.includes(`/* ${name} */`))!);

  for (const mode of modes) {
    const settlement = nodesOf(await planOf(db, mode, settling!));
    expect(scansIn(settlement, "CTE settled"), mode).toEqual(["webhook_deliveries_workspace_id_id_pk"]);
    const revival = nodesOf(await planOf(db, mode, reviving!));
    expect(scansIn(revival, "CTE due"), mode).toEqual(["webhook_deliveries_scheduled"]);

    const look = nodesOf(await planOf(db, mode, tending!));
    expect(look.map((node) => node["Index Name"]).filter(Boolean), mode).toEqual(["webhook_endpoints_tended"]);
    const hurry = nodesOf(await planOf(db, mode, hurrying!));
    expect(scansIn(hurry, "CTE waiting"), mode).toEqual(["webhook_deliveries_waiting"]);
    expect(scans(hurry), mode).toEqual(["webhook_deliveries_waiting", "webhook_deliveries_workspace_id_id_pk"]);
    expect(
      hurry.map((node) => node["Node Type"]),
      mode,
    ).not.toContain("Sort");
    const withdrawal = nodesOf(await planOf(db, mode, withdrawing!));
    expect(scansIn(withdrawal, "CTE waiting"), mode).toEqual(["webhook_deliveries_waiting"]);
    expect(scansIn(withdrawal, "CTE ready"), mode).toEqual(["webhook_deliveries_ready"]);
    expect(
      withdrawal.map((node) => node["Node Type"]),
      mode,
    ).not.toContain("Sort");
  }
});

// What is found is thought to be a thousand rows: to read the whole table for them looks cheaper than a thousand keys.
test.skipIf(!onPostgres())(
  "what falls due where much waits is found in a log of any size by where it lies",
  { timeout: 60_000 },
  async () => {
    const { db, asked } = await openWatchedDatabase();
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
    for (let n = 0; n < 20; n++) await leaveDeliveries(tenant.ctx, id, 1000, { status: "succeeded", completed_at: world.now() });
    for (let n = 0; n < 4; n++) await leaveDeliveries(tenant.ctx, id, 1000, { status: "scheduled", due_at: after(world.now(), hours(1)) });
    await db.execute(sql`analyze`);
    await leaveDeliveries(tenant.ctx, id, 1, { status: "scheduled" });
    await dispatchDeliveries(world.services, { budget_ms: 0 });

    const reviving = asked.findLast(({ statement }) => statement.includes("/* across tenants: revive */"))!;
    for (const mode of modes) {
      const revival = nodesOf(await planOf(db, mode, reviving));
      expect(
        revival.filter((node) => node["Node Type"] === "Seq Scan").map((node) => node["Relation Name"]),
        mode,
      ).toEqual([]);
    }
  },
);

/** By which indexes a part of the statement finds deliveries. */
function scansIn(nodes: Node[], subplan: string): (string | undefined)[] {
  const part = nodes.find((node) => node["Subplan Name"] === subplan)!;
  return scans(nodesOf(part));
}

const scans = (nodes: Node[]) =>
  nodes
    .filter((node) => node["Relation Name"] === "webhook_deliveries" && node["Node Type"].endsWith("Scan"))
    .map((node) => node["Index Name"]);
