import type { Db } from "../../src/core/context.ts";

/** A database that has gone away. Its complaint holds what no client may ever read. */
export const goneDatabase = (): Db =>
  new Proxy({} as Db, {
    get: () => () => Promise.reject(new Error("connection to db.internal:5432 terminated: select secret from vault")),
  });
