import { sql } from "drizzle-orm";
import type { Db } from "../core/context.ts";

export const isReady = (db: Db): Promise<boolean> =>
  db.execute(sql`select 1`).then(
    () => true,
    () => false,
  );
