import type { PgTable } from "drizzle-orm/pg-core";
import type { Db } from "../../src/core/context.ts";

type Verb = "insert" | "update" | "delete";
const verbs = new Set<PropertyKey>(["insert", "update", "delete"] satisfies Verb[]);

/** A database of which the test can break one statement, as a crash between two of them would. */
export function breakable(db: Db) {
  const faults: { verb: Verb; table: PgTable; spared: number }[] = [];

  const statement = (verb: PropertyKey, table: unknown) => {
    const at = faults.findIndex((fault) => fault.verb === verb && fault.table === table);
    if (at < 0 || faults[at]!.spared-- > 0) return;
    faults.splice(at, 1);
    throw new Error("the test broke this statement");
  };

  const watched = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, key) {
        const member: unknown = Reflect.get(object, key);
        if (typeof member !== "function") return member;
        if (key === "transaction") {
          return (run: (tx: object) => unknown, ...rest: unknown[]): unknown =>
            member.call(object, (tx: object) => run(watched(tx)), ...rest) as unknown;
        }
        if (!verbs.has(key)) return member;
        return (table: unknown): unknown => {
          statement(key, table);
          return member.call(object, table) as unknown;
        };
      },
    });

  return {
    db: watched(db),
    /** The next such statement fails; or the one after so many that are spared. */
    breakNext: (verb: Verb, table: PgTable, spared = 0) => void faults.push({ verb, table, spared }),
  };
}
