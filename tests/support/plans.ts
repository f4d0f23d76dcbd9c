import { sql } from "drizzle-orm";
import type { Db } from "../../src/core/context.ts";
import { query } from "../../src/db/query.ts";
import type { Asked } from "./statements.ts";

export interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Subplan Name"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: Node[];
}

export const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** A prepared statement may come to be run either way: planned for its values, and for any. */
export const modes = ["force_custom_plan", "force_generic_plan"] as const;

/** With `analyze` it is run too, and what was really read is told. */
export function planOf(db: Db, mode: (typeof modes)[number], { statement, params }: Asked, analyze?: "analyze"): Promise<Node> {
  return db.transaction(async (tx) => {
    await tx.execute(sql.raw(`set local plan_cache_mode = ${mode}`));
    await tx.execute(sql.raw(`prepare asked as ${statement}`));
    const values = params.map((value) => `'${String(value).replaceAll("'", "''")}'`).join();
    const options = analyze ? "analyze, format json" : "format json";
    const [row] = await query<{ "QUERY PLAN": [{ Plan: Node }] }>(tx, sql.raw(`explain (${options}) execute asked(${values})`));
    await tx.execute(sql.raw("deallocate asked"));
    return row!["QUERY PLAN"][0].Plan;
  });
}
