import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { columnwise } from "../../src/db/columnwise.ts";
import type { Connection } from "../../src/db/connect.ts";
import { statement } from "../../src/db/statement.ts";
import { openDatabase } from "../support/database.ts";

let connection: Connection;
beforeAll(async () => void (connection = await openDatabase()));
afterAll(() => connection.close());

interface Row {
  name: string | null;
  amount: number | null;
}

const given = columnwise<Row & { place: number }>({
  place: ["int", ({ place }) => place],
  name: ["text", ({ name }) => name],
  amount: ["numeric", ({ amount }) => amount],
});
const reading = statement<Row>(() => sql`select name, amount::float8 as amount from ${given.rows} as given order by place`);
const read = (rows: readonly Row[]) => reading(connection.db, given.values(rows.map((row, place) => ({ ...row, place }))));

test("rows come as they were given, whatever their text holds", async () => {
  const rows: Row[] = [
    { name: `quotes " and ', {braces}, back\\slashes, \n new lines, a tab \t`, amount: 0 },
    { name: "Grüße, שלום, سلام, 👋🏽", amount: -1.5 },
    { name: "null", amount: null },
    { name: null, amount: 1e15 },
    { name: "", amount: 0.001 },
  ];
  expect(await read(rows)).toEqual(rows);
});

test("no rows are no rows", async () => {
  expect(await read([])).toEqual([]);
});
