import { and, asc, eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../../src/messages/contract.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Db, Tx } from "../../src/core/context.ts";
import { exampleOf } from "../../src/core/example.ts";
import { mine } from "../../src/db/mine.ts";
import { query } from "../../src/db/query.ts";
import { events } from "../../src/webhooks/tables.ts";
import { onPostgres } from "../support/database.ts";
import { document } from "../support/document.ts";
import { caughtUp } from "../support/feeds.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page {
  data: { id: string }[];
  has_more: boolean;
  next_cursor: string;
  total_count?: number;
}

/** Polls a feed: each call reads on from where the last one ended, until there is no more. */
function poller(tenant: Tenant, path = "/v1/events") {
  let cursor: string | undefined;
  const key = keyOf(tenant);
  return async (limit = 100): Promise<string[]> => {
    const ids: string[] = [];
    let page: Page;
    do {
      const asked = `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor === undefined ? "" : `&cursor=${cursor}`}`;
      const { status, body } = await tenant.get<Page>(asked, { key: await key });
      expect(status, JSON.stringify(body)).toBe(200);
      page = body;
      expect(typeof page.next_cursor, "a feed always has a next cursor").toBe("string");
      cursor = page.next_cursor;
      ids.push(...page.data.map(({ id }) => id));
    } while (page.has_more);
    return ids;
  };
}

/** A poller asks more often than the one key of a test may. */
const keyOf = async (tenant: Tenant) => (await tenant.mint({ rate_limit_per_minute: 1_000_000 })).token;

const { schemas } = document.components;
const newMessageExample = exampleOf(schemas["NewMessageEvent"]!, schemas) as object;

/** An event as a transaction would write it; with an xid, as if another one had. */
async function write(db: Db | Tx, { workspace_id, newId, now }: Tenant["ctx"], xid?: bigint): Promise<string> {
  const id = newId("evt");
  await db.insert(events).values({
    workspace_id,
    id,
    type: "new_message",
    channel: "whatsapp",
    payload: JSON.stringify({ ...newMessageExample, id }),
    created_at: now(),
    ...(xid !== undefined && { xid: String(xid) }),
  });
  return id;
}

const nextXid = async (db: Db): Promise<bigint> => {
  const [row] = await query<{ xid: string }>(db, sql`select pg_snapshot_xmax(pg_current_snapshot())::text as xid`);
  return BigInt(row!.xid);
};

describe("a feed", () => {
  test("that is empty has a cursor, and what is written later is behind it", async () => {
    const { tenant } = await aTenant();
    for (const path of ["/v1/events", "/v1/messages?order=asc"]) {
      const { body } = await tenant.get<Page>(path);
      expect(body).toMatchObject({ data: [], has_more: false, next_cursor: expect.any(String) as string });
    }
    const [pollEvents, pollMessages] = [poller(tenant), poller(tenant, "/v1/messages?order=asc")];
    expect([await pollEvents(), await pollMessages()]).toEqual([[], []]);
    await tenant.hears("Hello");
    await caughtUp(tenant.ctx.db);
    expect([(await pollEvents()).length, (await pollMessages()).length]).toEqual([1, 1]);
    expect([await pollEvents(), await pollMessages()]).toEqual([[], []]);
    await tenant.hears("Hello again");
    await caughtUp(tenant.ctx.db);
    expect([(await pollEvents()).length, (await pollMessages()).length]).toEqual([1, 1]);
  });

  test("that has no row of the wanted kind goes on behind all the others", async () => {
    const { tenant } = await aTenant();
    const { id } = await tenant.hears("Hello");
    await caughtUp(tenant.ctx.db);
    const poll = poller(tenant, "/v1/events?type=conversation_end");
    expect(await poll()).toEqual([]);
    await tenant.post(`/v1/conversations/${id}/close`);
    await caughtUp(tenant.ctx.db);
    expect(await poll()).toHaveLength(1);
  });

  test("shows no row of a transaction that may still be running, and counts none", async () => {
    const { tenant } = await aTenant();
    const { db } = tenant.ctx;
    const finished = await write(db, tenant.ctx);
    const running = await write(db, tenant.ctx, (await nextXid(db)) + 1_000_000n);
    await caughtUp(db);
    const { body } = await tenant.get<Page>("/v1/events?include_total=true");
    expect([body.data.map(({ id }) => id), body.total_count]).toEqual([[finished], 1]);
    // It is stored: who asks for it by name finds it.
    expect((await tenant.get(`/v1/events/${running}`)).status).toBe(200);
  });

  test("is in the order of transactions, not of ids", async () => {
    const { tenant } = await aTenant();
    const { db } = tenant.ctx;
    const [first, second, third] = [await write(db, tenant.ctx, 5n), await write(db, tenant.ctx, 4n), await write(db, tenant.ctx, 4n)];
    expect(await poller(tenant)(1)).toEqual([second, third, first]);
  });

  test("shows a message once, whatever becomes of it later", async () => {
    const { world, tenant } = await aTenant();
    const { id } = await tenant.hears("Hello");
    const { body: sent } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hi" } });
    const poll = poller(tenant, "/v1/messages?order=asc");
    await caughtUp(tenant.ctx.db);
    expect((await poll()).at(-1)).toBe(sent.id);
    await world.sendQueued();
    await caughtUp(tenant.ctx.db);
    expect((await tenant.get<Message>(`/v1/messages/${sent.id}`)).body.status).toBe("delivered");
    expect(await poll()).toEqual([]);
  });

  test("is a workspace's own", async () => {
    const { world, tenant } = await aTenant();
    const neighbour = await world.tenant();
    await tenant.hears("Hello");
    await caughtUp(tenant.ctx.db);
    expect(await poller(neighbour)()).toEqual([]);
    expect(await poller(neighbour, "/v1/messages?order=asc")()).toEqual([]);
  });
});

describe.skipIf(onPostgres())("on one connection, with transactions by hand", () => {
  /** At any moment a transaction that has not ended may come with a row; which ones have, the horizon tells. */
  test("a poller sees each row once, in an order that stays, whenever its transaction ended", async () => {
    const { tenant } = await aTenant();
    const { db } = tenant.ctx;
    const step = fc.oneof(
      fc.record({ write: fc.bigInt(0n, 12n) }),
      fc.record({ end: fc.integer({ min: 1, max: 8 }) }),
      fc.record({ poll: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const { tenant: own } = await aTenant();
        const poll = poller(own);
        const [written, seen]: [string[], string[]] = [[], []];
        for (const one of steps) {
          // The insert itself is a transaction, which ends: what it writes for another may be no older.
          if ("write" in one) written.push(await write(db, own.ctx, (await nextXid(db)) + 1n + one.write));
          else if ("end" in one) await endTransactions(db, one.end);
          else seen.push(...(await poll(one.poll)));
        }
        await endTransactions(db, 15);
        seen.push(...(await poll()));
        expect(seen.toSorted()).toEqual(written.toSorted());
        expect(await poller(own)(1), "and whoever comes later sees them in the same order").toEqual(seen);
      }),
      { numRuns: 10 },
    );
  });
});

const endTransactions = async (db: Db, count: number) => {
  for (let n = 0; n < count; n++) await db.execute(sql`select pg_current_xact_id()`);
};

describe.skipIf(!onPostgres())("with transactions that end in another order than they began", () => {
  test("a row that is committed late is not missed", async () => {
    const { tenant } = await aTenant();
    const poll = poller(tenant);
    const early = await begin(tenant);
    const first = await early.write();
    const late = await begin(tenant);
    const second = await late.write();
    await late.end("commit");
    expect(await poll(), "an older transaction may still come").toEqual([]);
    await early.end("commit");
    await caughtUp(tenant.ctx.db);
    expect(await poll()).toEqual([first, second]);
    expect(await poll()).toEqual([]);
  });

  test("an open transaction holds the feed back and nothing else; when it ends all comes, each once", async () => {
    const { tenant } = await aTenant();
    const { id } = await tenant.hears("Hello");
    await caughtUp(tenant.ctx.db);
    const poll = poller(tenant, "/v1/messages?order=asc");
    expect(await poll()).toHaveLength(1);

    const idle = await begin(tenant);
    await idle.write();
    const { body: sent } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Hi" } });
    expect(await poll()).toEqual([]);
    expect((await tenant.get<Page>("/v1/messages")).body.data[0]!.id, "the newest first shows it at once").toBe(sent.id);
    await idle.end("rollback");
    await caughtUp(tenant.ctx.db);
    expect(await poll()).toEqual([sent.id]);
    expect(await poll()).toEqual([]);
  });

  test("one that has written nothing holds nothing back", async () => {
    const { tenant } = await aTenant();
    const reader = await begin(tenant);
    const written = await write(tenant.ctx.db, tenant.ctx);
    await caughtUp(tenant.ctx.db);
    expect(await poller(tenant)()).toEqual([written]);
    await reader.end("commit");
  });

  test("a poller sees each committed row once, in an order that stays", async () => {
    const step = fc.oneof(
      fc.constant("begin" as const),
      fc.record({ write: fc.nat(5) }),
      fc.record({ end: fc.nat(5), how: fc.constantFrom("commit" as const, "commit" as const, "rollback" as const) }),
      fc.record({ poll: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const { tenant } = await aTenant();
        const poll = poller(tenant);
        const [committed, seen]: [string[], string[]] = [[], []];
        let open: { transaction: Transaction; rows: string[] }[] = [];
        const end = async (one: (typeof open)[number], how: "commit" | "rollback") => {
          open = open.filter((other) => other !== one);
          await one.transaction.end(how);
          if (how === "commit") committed.push(...one.rows);
        };
        const take = async (one: (typeof steps)[number]) => {
          if (one === "begin") {
            if (open.length < 4) open.push({ transaction: await begin(tenant), rows: [] });
            return;
          }
          if ("poll" in one) return void seen.push(...(await poll(one.poll)));
          const chosen = open[("write" in one ? one.write : one.end) % Math.max(open.length, 1)];
          if (chosen && "write" in one) chosen.rows.push(await chosen.transaction.write());
          else if (chosen && "end" in one) await end(chosen, one.how);
        };
        try {
          for (const one of steps) await take(one);
        } finally {
          for (const one of open) await end(one, "commit");
        }
        await caughtUp(tenant.ctx.db);
        seen.push(...(await poll()));
        expect(seen.toSorted()).toEqual(committed.toSorted());
        expect(await poller(tenant)(1)).toEqual(seen);
      }),
      { numRuns: 15 },
    );
  });

  test("messages that many clients send at once are all seen, by whoever polls meanwhile", async () => {
    const { tenant } = await aTenant();
    const conversations = await Promise.all(Array.from({ length: 4 }, () => tenant.hears("Hello")));
    const poll = poller(tenant, "/v1/messages?order=asc");
    const seen: string[] = [];
    let sending = true;
    const sent = Promise.all(
      conversations.map(async ({ id }) => {
        const key = await keyOf(tenant);
        for (let n = 0; n < 8; n++)
          await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: `No ${n}` } }, { key });
      }),
    ).finally(() => (sending = false));
    while (sending) seen.push(...(await poll(3)));
    await sent;
    await caughtUp(tenant.ctx.db);
    seen.push(...(await poll()));
    const stored = await tenant.ctx.db.select({ id: messages.id }).from(messages).where(mine(tenant.ctx, messages));
    expect(seen.toSorted()).toEqual(stored.map(({ id }) => id as string).toSorted());
  });
});

test.skipIf(!onPostgres())("a page of a feed is read by its index, and nothing is sorted", async () => {
  const { tenant } = await aTenant();
  const { db, workspace_id } = tenant.ctx;
  await db.execute(sql`
    insert into events (workspace_id, id, type, channel, payload, created_at, xid)
    select w.workspace_id, gen_random_uuid(), 'new_message', 'whatsapp', '{}', now(), (n / 3 + 3)::text::xid8
    from generate_series(1, 20000) n, (select ${sql.param(workspace_id, events.workspace_id)}::uuid as workspace_id) w`);
  await db.execute(sql`analyze events`);
  const statement = db
    .select()
    .from(events)
    .where(
      and(
        eq(events.workspace_id, workspace_id),
        sql`${events.xid} < '9000'::xid8`,
        sql`(${events.xid}, ${events.id}) > ('5000'::xid8, '00000000-0000-0000-0000-000000000000'::uuid)`,
      ),
    )
    .orderBy(asc(events.xid), asc(events.id))
    .limit(21);
  const plan = JSON.stringify(await query(db, sql`explain ${statement.getSQL()}`));
  expect(plan).toContain("events_workspace_id_xid_id_index");
  expect(plan).not.toContain("Sort");
});

async function aTenant() {
  const world = await createWorld();
  return { world, tenant: await world.tenant() };
}

/** A transaction that stays open until it is told how to end. */
async function begin(tenant: Tenant) {
  let end!: (how: "commit" | "rollback") => void;
  const ending = new Promise<"commit" | "rollback">((resolve) => (end = resolve));
  let handOver!: (tx: Tx) => void;
  const opened = new Promise<Tx>((resolve) => (handOver = resolve));
  const done = tenant.ctx.db
    .transaction(async (tx) => {
      handOver(tx);
      if ((await ending) === "rollback") tx.rollback();
    })
    .catch((error: unknown) => {
      if (!String(error).includes("Rollback")) throw error;
    });
  const tx = await opened;
  return {
    write: () => write(tx, tenant.ctx),
    end: (how: "commit" | "rollback") => {
      end(how);
      return done;
    },
  };
}

type Transaction = Awaited<ReturnType<typeof begin>>;
