import { getTableName } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type { Db } from "../../src/core/context.ts";

const verbs = { insert: "insert into", update: "update", delete: "delete from" };
type Verb = keyof typeof verbs;

interface Prepared {
  execute(): Promise<unknown>;
}

/** A database of which the test can break one statement, as a crash between two of them would. */
export function breakable(db: Db) {
  const faults: { head: string; spared: number }[] = [];
  return {
    db: watching(db, (statement) => {
      const at = faults.findIndex(({ head }) => headsOf(statement).some((text) => text.startsWith(head)));
      if (at < 0 || faults[at]!.spared-- > 0) return;
      faults.splice(at, 1);
      throw new Error("the test broke this statement");
    }),
    /** The next such statement fails; or the one after so many that are spared. */
    breakNext: (verb: Verb, table: PgTable, spared = 0) => void faults.push({ head: `${verbs[verb]} "${getTableName(table)}"`, spared }),
  };
}

/** Of what is written beside another thing, each is a head of its own. */
const headsOf = (statement: string): string[] =>
  statement
    .replace(/^\s*with beside as \(/, "")
    .split(/(?<=\)) (?=insert into)/)
    .map((text) => text.trimStart());

/** What looks at a statement before it is run. What it returns is waited for before the answer is handed over. */
type Look = (statement: string) => void | Promise<void>;

/** The same database, of which each statement is looked at: also those inside transactions. */
export function watching<T extends object>(target: T, look: Look): T {
  const watchedSession = (session: object) =>
    new Proxy(session, {
      get(object, key) {
        const member: unknown = Reflect.get(object, key);
        if (key !== "prepareQuery") return member;
        return (query: { sql: string }, ...rest: unknown[]): unknown => {
          const held = look(query.sql);
          const prepared = (member as (...given: unknown[]) => Prepared).call(object, query, ...rest);
          if (!held) return prepared;
          const execute = async () => (await Promise.all([prepared.execute(), held]))[0];
          return Object.assign(Object.create(prepared) as Prepared, { execute });
        };
      },
    });
  return new Proxy(target, {
    get(object, key) {
      const member: unknown = Reflect.get(object, key);
      if (key === "session") return watchedSession(member as object);
      if (key === "_") return { ...(member as object), session: watchedSession((member as { session: object }).session) };
      if (key !== "transaction") return member;
      return (run: (tx: object) => unknown, ...rest: unknown[]): unknown =>
        (member as (...given: unknown[]) => unknown).call(object, (tx: object) => run(watching(tx, look)), ...rest);
    },
  });
}
