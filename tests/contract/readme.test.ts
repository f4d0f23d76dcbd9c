import { readFileSync } from "node:fs";
import { sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { poll_ms } from "../../src/chores.ts";
import { freeMetrics } from "../../src/core/pricing.ts";
import { query } from "../../src/db/query.ts";
import { openDatabase } from "../support/database.ts";
import { createWorld } from "../support/world.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test("every cron route is named, with the interval at which a process does its work", () => {
  const named = [...readme.matchAll(/^\| `POST \/cron\/(\w+)` \| .* \| every ([\d.]+) s \|$/gm)].map(([, name, s]) => [
    name,
    Number(s) * 1000,
  ]);
  expect(Object.fromEntries(named)).toEqual(poll_ms);
});

test("what is to be done after a restore can be done, and forgets no table", async () => {
  const connection = await openDatabase();
  onTestFinished(() => connection.close());
  const { db } = connection;
  const tenant = await (await createWorld({ db })).tenant();
  await tenant.hears("Hello");
  const [, statements] = /```sql\n([^`]*)```/.exec(readme)!;
  for (const statement of statements!.split(";\n").filter(Boolean)) await db.execute(sql.raw(statement));

  const known = await query<{ name: string }>(
    db,
    sql`select table_name as name from information_schema.columns where column_name = 'xid' and table_schema = 'public'`,
  );
  for (const { name } of known) {
    expect(statements).toMatch(new RegExp(`\\b${name}\\b`));
    expect(await query(db, sql`select from ${sql.identifier(name)} where xid <> '3'`), name).toEqual([]);
  }
  for (const metric of freeMetrics) expect(statements).toContain(`'${metric}'`);
});
