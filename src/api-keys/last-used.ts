import { sql } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { minutes, msBetween, type Timestamp } from "../core/time.ts";
import { api_keys } from "./tables.ts";

const written_every_ms = minutes(1);

interface Used {
  id: Id<"key">;
  workspace_id: Id<"ws">;
}

/** Remembers when keys were used and writes it down once a minute, for all of them at once; no request waits for it. */
export class LastUsed {
  readonly #services: Services;
  #used = new Map<string, { workspace_id: string; at: Timestamp }>();
  #written_at: Timestamp;

  constructor(services: Services) {
    this.#services = services;
    this.#written_at = services.now();
  }

  note({ id, workspace_id }: Used): void {
    const at = this.#services.now();
    this.#used.set(id, { workspace_id, at });
    if (msBetween(this.#written_at, at) < written_every_ms) return;
    this.write().catch((error: unknown) => this.#services.log.warn({ err: error }, "the last use of keys was not written"));
  }

  /** Also at the end of the process, so that nothing is forgotten. */
  async write(): Promise<void> {
    if (this.#used.size === 0) return;
    this.#written_at = this.#services.now();
    const used = this.#used;
    this.#used = new Map();
    const rows = Array.from(used, ([id, { workspace_id, at }]) => ({ id: uuidOf(id), workspace_id: uuidOf(workspace_id), at }));
    try {
      await this.#services.db.execute(sql`
        /* across tenants: last use of keys */
        update ${api_keys} as key set last_used_at = greatest(key.last_used_at, used.at)
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as used(workspace_id uuid, id uuid, at timestamptz)
        where key.workspace_id = used.workspace_id and key.id = used.id`);
    } catch (error) {
      // The next time, unless they were used since.
      this.#used = new Map([...used, ...this.#used]);
      throw error;
    }
  }
}
