import type { Db } from "../../src/core/context.ts";

const refuse = () => Promise.reject(new Error("connection to db.internal:5432 terminated: select secret from vault"));

/** A database that has gone away. Its complaint holds what no client may ever read. */
export const goneDatabase = (): Db =>
  new Proxy({} as Db, { get: (_, key) => (key === "_" ? { session: { prepareQuery: () => ({ execute: refuse }) } } : refuse) });
