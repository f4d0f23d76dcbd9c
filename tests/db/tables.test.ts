import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { query } from "../../src/db/query.ts";
import { database } from "../support/database.ts";
import { tenant_tables } from "../support/fence.ts";

interface Constraint {
  table: string;
  columns: string[];
  target: string | null;
  target_columns: string[] | null;
}

const constraints = async (type: "p" | "f"): Promise<Constraint[]> =>
  query<Constraint>(
    (await database()).db,
    sql`select r.relname as table, t.relname as target,
      array(select a.attname::text from unnest(c.conkey) with ordinality k(n, i) join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n order by i) as columns,
      array(select a.attname::text from unnest(c.confkey) with ordinality k(n, i) join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.n order by i) as target_columns
      from pg_constraint c join pg_class r on r.oid = c.conrelid left join pg_class t on t.oid = c.confrelid
      where c.contype = ${type} and c.connamespace = 'public'::regnamespace`,
  );

test("every table of a tenant has its workspace first in its primary key", async () => {
  const keys = new Map((await constraints("p")).map(({ table, columns }) => [table, columns]));
  for (const table of tenant_tables) expect(keys.get(table)?.[0], table).toBe("workspace_id");
});

test("every reference names the workspace on both sides, so that no row can point into another tenant", async () => {
  const references = await constraints("f");
  expect(references.length).toBeGreaterThan(10);
  // People are of no workspace: what is theirs names them alone.
  for (const { table, columns, target, target_columns } of references.filter(({ target }) => target !== "users")) {
    const pairs = columns.map((column, at) => [column, target_columns![at]]);
    expect(pairs[0], `${table} → ${String(target)}`).toEqual(["workspace_id", target === "workspaces" ? "id" : "workspace_id"]);
  }
});

test("the windows of the limiter are not written to the log of the database", async () => {
  const [table] = await query<{ relpersistence: string }>(
    (await database()).db,
    sql`select relpersistence from pg_class where relname = 'rate_limit_windows'`,
  );
  expect(table!.relpersistence).toBe("u");
});

test("an instant is kept to the millisecond: with more, a cursor made of it would skip rows", async () => {
  const columns = await query<{ name: string; datetime_precision: number }>(
    (await database()).db,
    sql`select table_name || '.' || column_name as name, datetime_precision from information_schema.columns
      where table_schema = 'public' and data_type = 'timestamp with time zone'`,
  );
  expect(columns.length).toBeGreaterThan(30);
  expect(columns.filter(({ datetime_precision }) => datetime_precision !== 3)).toEqual([]);
});
