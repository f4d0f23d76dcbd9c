import { sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { uuidOf } from "../../src/core/ids.ts";
import type { Page } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

type World = Awaited<ReturnType<typeof createWorld>>;
type Tenant = Awaited<ReturnType<World["tenant"]>>;

const many = 105_000;
/** Some lie at either end, and two side by side. */
const rare = [1, 2, 2_000, 2_001, 104_999];

async function leaveTickets({ services: { db } }: World, { ctx }: Tenant): Promise<void> {
  const ws = uuidOf(ctx.workspace_id);
  const is_rare = sql.raw(`n in (${rare.join()})`);
  await db.execute(sql`
    insert into tickets (workspace_id, id, number, subject, status, tags, created_by, created_at, updated_at)
    select ${ws}::uuid, (lpad(to_hex(1700000000000 + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, n, 'Refund',
      case when ${is_rare} and n % 2 = 0 then 'waiting' when n % 2 = 0 then 'open' else 'closed' end, case when ${is_rare} then array['rare'] else '{}'::text[] end,
      '{"type":"system","id":null,"name":"Test"}'::jsonb, to_timestamp(1700000000 + n / 1000.0), to_timestamp(1700000000 + (n / 100) / 10.0)
    from generate_series(1, ${many}) as n`);
  await db.execute(sql`analyze tickets`);
}

async function pagesOf(tenant: Tenant, path: string): Promise<number[][]> {
  const pages: number[][] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body }: { body: Page<{ number: number }> } = await tenant.get(
      `${path}&limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    expect(body.has_more).toBe(body.next_cursor !== null);
    pages.push(body.data.map(({ number }) => number));
    cursor = body.next_cursor;
  }
  return pages;
}

describe("a list in which few of very many rows are meant", { timeout: 60_000 }, () => {
  test("ends a page early and loses and repeats none, in whichever order and of however many states", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await leaveTickets(world, tenant);

    for (const sort of ["created_at", "-created_at", "updated_at", "-updated_at"]) {
      const wanted = sort.startsWith("-") ? rare.toReversed() : rare;
      const pages = await pagesOf(tenant, `/v1/tickets?tag=rare&sort=${sort}`);
      expect([sort, pages.flat()]).toEqual([sort, wanted]);
      const own = await pagesOf(tenant, `/v1/tickets?tag=rare&sort=${sort}&status=closed&status=waiting`);
      expect([sort, own.flat()]).toEqual([sort, wanted]);
    }
    expect((await pagesOf(tenant, "/v1/tickets?tag=rare"))[0]).toEqual([104_999]);
    expect(await pagesOf(tenant, "/v1/tickets?tag=nobody")).toEqual([[], []]);
  });

  test("is whole where an index of another order has those few together", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    await leaveTickets(world, tenant);

    expect(await pagesOf(tenant, "/v1/tickets?status=waiting&sort=-updated_at")).toEqual([[2_000, 2]]);
    expect(await pagesOf(tenant, "/v1/tickets?status=waiting&status=in_progress&sort=updated_at")).toEqual([[2, 2_000]]);
    expect(await pagesOf(tenant, "/v1/tickets?status=open&assignee_id=none&tag=rare")).toHaveLength(1);
  });
});
