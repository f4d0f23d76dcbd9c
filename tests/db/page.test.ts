import { expect, test } from "vitest";
import { readPage } from "../../src/db/page.ts";
import { tickets } from "../../src/tickets/tables.ts";
import { createWorld } from "../support/world.ts";

test("a page is of one workspace, whatever its filters are or are not", async () => {
  const world = await createWorld();
  const [tenant, stranger] = [await world.tenant(), await world.tenant()];
  const { body: own } = await tenant.post<{ id: string }>("/v1/tickets", { subject: "Refund" });
  await stranger.post("/v1/tickets", { subject: "Refund" });

  const page = (any_of: readonly string[] | undefined, way = { states: { column: tickets.status, any_of } }) =>
    readPage(tenant.ctx, tickets, { name: "tickets", filters: {} }, { limit: 10, include_total: true }, undefined, ({ id }) => id, way);
  expect(await page(undefined)).toMatchObject({ data: [own.id], total_count: 1 });
  expect(await page(["open", "closed", "open"])).toMatchObject({ data: [own.id], total_count: 1 });
  expect(await page([])).toMatchObject({ data: [], total_count: 0 });
});
