import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { hours } from "../../src/core/time.ts";
import { query } from "../../src/db/query.ts";
import { sweepWindows } from "../../src/rate-limits/sweep-windows.ts";
import { rate_limit_windows } from "../../src/rate-limits/tables.ts";
import { createWorld, cron_secret } from "../support/world.ts";

async function setUp() {
  const world = await createWorld();
  const { db } = world.services;
  const mark = world.services.newId("req");
  for (const minutes_ago of [0, 1, 4, 6, 60]) {
    await db.execute(sql`insert into ${rate_limit_windows} (scope, subject, window_start, hits)
      values (0, ${`${mark} ${minutes_ago}`}, date_bin('1 minute', clock_timestamp(), 'epoch'::timestamptz) - make_interval(mins => ${minutes_ago}::int), 1)`);
  }
  const left = async () => {
    const rows = await query<{ subject: string }>(db, sql`select subject from ${rate_limit_windows} where subject like ${`${mark}%`}`);
    return rows.map(({ subject }) => Number(subject.split(" ")[1])).toSorted((a, b) => a - b);
  };
  return { world, left };
}

test("the sweep removes windows that are long over, and no other", async () => {
  const { world, left } = await setUp();
  expect(await sweepWindows(world.services)).toBeGreaterThanOrEqual(2);
  expect(await left()).toEqual([0, 1, 4]);
});

test("the sweep goes by the database's clock", async () => {
  const { world, left } = await setUp();
  world.advance(hours(24));
  await sweepWindows(world.services);
  expect(await left()).toEqual([0, 1, 4]);
});

test("the sweep is a job of its own", async () => {
  const { world, left } = await setUp();
  const headers = { Authorization: `Bearer ${cron_secret}` };
  expect((await world.request("/cron/sweep", { method: "POST", headers })).status).toBe(200);
  expect(await left()).toEqual([0, 1, 4]);
});
