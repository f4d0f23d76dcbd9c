import { sql } from "drizzle-orm";
import type { Db } from "../core/context.ts";
import { query } from "./query.ts";

/** Knowledge is searched by vectors; a database without pgvector cannot hold it, and says so in one sentence. */
export async function enableVector(db: Db): Promise<void> {
  const [extension] = await query<{ installed: boolean }>(
    db,
    sql`select installed_version is not null as installed from pg_available_extensions where name = 'vector'`,
  );
  if (extension?.installed) return;
  if (!extension) {
    throw new Error(
      "This PostgreSQL server lacks the extension pgvector (vector): install its package for your server's version, for example postgresql-17-pgvector, and start again.",
    );
  }
  try {
    await db.execute(sql`create extension if not exists vector`);
  } catch (cause) {
    throw new Error('The extension pgvector could not be enabled: run "create extension vector" in this database as a superuser.', {
      cause,
    });
  }
}
