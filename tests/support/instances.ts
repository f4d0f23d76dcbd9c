import { inject, onTestFinished } from "vitest";
import { connectPostgres } from "../../src/db/connect.ts";
import { cloneDatabase } from "./database.ts";
import { createWorld, type World } from "./world.ts";

/** So many instances of the whole service, each with connections of its own, on one database of a server. */
export async function openInstances(count: number, options: Parameters<typeof createWorld>[0] = {}): Promise<World[]> {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = await cloneDatabase(template);
  return Promise.all(
    Array.from({ length: count }, () => {
      const connection = connectPostgres(url, { pool_size: 3 });
      onTestFinished(() => connection.close());
      return createWorld({ ...options, db: connection.db });
    }),
  );
}
