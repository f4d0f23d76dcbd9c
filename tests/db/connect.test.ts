import { sql } from "drizzle-orm";
import postgres from "postgres";
import { expect, inject, onTestFinished, test } from "vitest";
import { connectPostgres } from "../../src/db/connect.ts";
import { query } from "../../src/db/query.ts";
import { cloneDatabase, database, onPostgres } from "../support/database.ts";

/** A pool on a database of its own, and a hand that breaks all of its connections at once. */
async function setUp() {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = await cloneDatabase(template);
  const connection = connectPostgres(url, { pool_size: 5 });
  const hand = postgres(url, { max: 1 });
  onTestFinished(async () => {
    await connection.close();
    await hand.end();
  });
  const strike = async () => {
    await hand`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  };
  return { db: connection.db, strike };
}

test.runIf(onPostgres())(
  "connections that break under transactions fail those, and neither end the process nor stay broken",
  { timeout: 60_000 },
  async () => {
    const { db, strike } = await setUp();
    let is_over = false;
    let [committed, failed] = [0, 0];
    const work = async () => {
      while (!is_over) {
        try {
          await db.transaction(async (tx) => {
            await tx.execute(sql`select 1`);
            await tx.transaction((nested) => nested.execute(sql`select 2`));
          });
          committed += 1;
        } catch {
          failed += 1;
        }
      }
    };
    const workers = Array.from({ length: 10 }, work);
    for (let strikes = 0; strikes < 5; strikes++) {
      const before = committed;
      await expect.poll(() => committed, { timeout: 10_000 }).toBeGreaterThan(before + 10);
      await strike();
    }
    const before = committed;
    await expect.poll(() => committed, { timeout: 10_000 }).toBeGreaterThan(before + 50);
    is_over = true;
    await Promise.all(workers);
    expect(failed).toBeGreaterThan(0);
  },
);

test.runIf(onPostgres())("a transaction whose connection breaks rejects, and the next one has another", async () => {
  const { db, strike } = await setUp();
  const broken = db.transaction(async (tx) => {
    await tx.execute(sql`select 1`);
    await strike();
    await tx.execute(sql`select 2`);
  });
  await expect(broken).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  expect(await db.transaction((tx) => tx.execute(sql`select 3 as n`))).toEqual([{ n: 3 }]);
});

test("an array is an array on either database, whatever is in it", async () => {
  const { db } = await database();
  const words = ["a", "", 'b"c', "d,e", "{f}", "\\g", "مرحبا", "null"];
  const [row] = await query<{ words: string[]; numbers: number[]; none: string[] }>(
    db,
    sql`select array(select jsonb_array_elements_text(${JSON.stringify(words)}::text::jsonb)) as words, array[1, -2, 3]::int[] as numbers, array[]::text[] as none`,
  );
  expect(row).toEqual({ words, numbers: [1, -2, 3], none: [] });
});
