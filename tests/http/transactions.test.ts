import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { z } from "zod";
import { audit_log } from "../../src/audit/tables.ts";
import { messages } from "../../src/messages/tables.ts";
import type { Ctx, Db, TxCtx } from "../../src/core/context.ts";
import { ApiError } from "../../src/core/errors.ts";
import { mine } from "../../src/db/mine.ts";
import { adminRead, adminWrite, router } from "../../src/trpc/procedure.ts";
import { apiErrorOf } from "../../src/trpc/rpc-error.ts";
import { events, webhook_deliveries, webhook_secrets } from "../../src/webhooks/tables.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { createReceiver } from "../support/receiver.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld } from "../support/world.ts";

/** A database that tells when a transaction has been committed or rolled back. */
function telling(db: Db, tell: (what: "begin" | "commit" | "rollback") => void): Db {
  return new Proxy(db, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (key !== "transaction") return member;
      return async (...given: Parameters<Db["transaction"]>) => {
        tell("begin");
        try {
          const result = await target.transaction(...given);
          tell("commit");
          return result;
        } catch (error) {
          tell("rollback");
          throw error;
        }
      };
    },
  });
}

async function setUp() {
  const order: string[] = [];
  const { db, breakNext } = breakable((await database()).db);
  const world = await createWorld({ db: telling(db, (what) => order.push(what)) });
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Hello");
  const send = () => tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } });
  world.services.wake = (work) => void order.push(`wake ${work}`);
  order.length = 0;
  return { world, tenant, order, breakNext, send };
}

test("a change wakes the workers when it is committed, and not before", async () => {
  const { order, send } = await setUp();
  expect((await send()).status).toBe(201);
  expect(order).toEqual(["begin", "commit", "wake messages"]);
});

test("a change that wakes the same worker twice wakes it once", async () => {
  const { tenant, order, send } = await setUp();
  await tenant.endpoint((await createReceiver(200)).url);
  await tenant.endpoint((await createReceiver(200)).url);
  order.length = 0;
  await send();
  expect(order.slice(0, 2)).toEqual(["begin", "commit"]);
  expect(order.slice(2).toSorted()).toEqual(["wake messages", "wake webhooks"]);
});

test.each([
  ["its last statement", webhook_deliveries],
  ["the one in the middle", events],
  ["its first", messages],
] as const)("a change that fails at %s leaves nothing behind and wakes nobody", async (_, table) => {
  const { world, tenant, order, breakNext, send } = await setUp();
  await tenant.endpoint((await createReceiver(200)).url);
  const look = async () => ({
    messages: (await rowsOf(tenant, messages)).length,
    events: (await rowsOf(tenant, events)).length,
    deliveries: (await rowsOf(tenant, webhook_deliveries)).length,
  });
  const before = await look();
  order.length = 0;
  breakNext("insert", table);
  expect(await send()).toMatchObject({ status: 500, body: { code: "internal_error" } });
  expect(await look()).toEqual(before);
  expect(order).toEqual(["begin", "rollback"]);
  expect(world.logged).toHaveLength(1);

  expect((await send()).status, "and the next one succeeds").toBe(201);
});

test("the audit entry is part of the change: without it there is no change", async () => {
  const { tenant, breakNext } = await setUp();
  const before = await rowsOf(tenant, webhook_secrets);
  breakNext("insert", audit_log);
  expect((await tenant.post("/v1/webhook_secret/rotate")).status).toBe(500);
  expect(await rowsOf(tenant, webhook_secrets)).toEqual(before);
});

test("a refusal opens no transaction, unless the rows decide it", async () => {
  const { tenant, order } = await setUp();
  expect((await tenant.post("/v1/webhook_secret/rotate", { surprise: 1 })).status).toBe(400);
  expect((await tenant.post("/v1/webhook_secret/rotate", undefined, { key: (await tenant.mint({ scopes: ["read"] })).token })).status).toBe(
    403,
  );
  expect((await tenant.post("/v1/webhook_endpoints", { url: "ftp://example.com", event_types: ["new_message"] })).status).toBe(422);
  expect(
    order.filter((what) => what === "begin"),
    "one for the key that was minted",
  ).toHaveLength(1);
});

/** Operations of no other use than to go wrong. Each renames the workspace first. */
const rename = async (ctx: TxCtx, name: string) => {
  await ctx.db.update(workspaces).set({ name }).where(eq(workspaces.id, ctx.workspace_id));
  ctx.wake("messages");
};
const common = {
  summary: "-",
  description: "-",
  input: z.strictObject({ name: z.string() }),
  output: z.object({ name: z.string().max(50), fits: z.literal("yes").optional(), secret: z.never().optional() }),
};
const { createCaller: caller } = router({
  rename: adminWrite({
    ...common,
    route: "POST /v1/rename",
    name: "rename",
    async run(ctx, { name }) {
      await rename(ctx, name);
      return { name, ...(name === "Unfit" && { fits: "no" as never }), hash: "what the contract does not name" };
    },
  }),
  refuse: adminWrite({
    ...common,
    route: "POST /v1/refuse",
    name: "refuse",
    async run(ctx, { name }) {
      await rename(ctx, name);
      throw new ApiError("limit_reached");
    },
  }),
  throwText: adminWrite({
    ...common,
    route: "POST /v1/throw",
    name: "throwText",
    async run(ctx, { name }) {
      await rename(ctx, name);
      // oxlint-disable-next-line no-throw-literal
      throw "a text";
    },
  }),
  parseInside: adminWrite({
    ...common,
    route: "POST /v1/parse",
    name: "parseInside",
    async run(ctx, { name }) {
      await rename(ctx, name);
      return { name: z.string().max(1).parse(name) };
    },
  }),
  prepare: adminWrite({
    ...common,
    route: "POST /v1/prepare",
    name: "prepare",
    prepare: (ctx, { name }) => Promise.resolve({ name: `${name}!`, db: ctx.db }),
    async run(ctx, _input, prepared) {
      if ((prepared.db as unknown) === ctx.db) throw new Error("the preparation was inside the transaction");
      await rename(ctx, prepared.name);
      return { name: prepared.name };
    },
  }),
  show: adminRead({
    ...common,
    route: "GET /v1/show",
    name: "show",
    run: (_ctx, { name }) => Promise.resolve({ name, secret: "x" } as never),
  }),
});

async function callerOf() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const ctx: Ctx = { ...tenant.ctx, actor: { type: "api_key", id: world.services.newId("key"), name: "Test", scopes: ["admin"] } };
  return {
    world,
    call: caller(ctx),
    nameNow: async () => {
      const [row] = await tenant.ctx.db
        .select()
        .from(workspaces)
        .where(mine({ workspace_id: tenant.workspace_id }, { workspace_id: workspaces.id }));
      return row!.name;
    },
  };
}

/** The registry's code that a call ends with. */
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "done",
    (error: unknown) => apiErrorOf(error as Parameters<typeof apiErrorOf>[0]).code,
  );

test("an operation that ends well has done what it did, and says of it what its contract names", async () => {
  const { world, call, nameNow } = await callerOf();
  expect(await call.rename({ name: "New" })).toEqual({ name: "New" });
  expect(await nameNow()).toBe("New");
  expect(world.woken).toEqual(["messages"]);
});

test.each([
  ["refuses", "refuse", "limit_reached", "New"],
  ["throws what is no error", "throwText", "internal_error", "New"],
  ["answers what its own contract does not allow", "rename", "internal_error", "Unfit"],
  ["meets a contract of its own making", "parseInside", "internal_error", "New"],
] as const)("an operation that %s after writing has done nothing", async (_, name, code, to) => {
  const { world, call, nameNow } = await callerOf();
  expect(await codeOf(call[name]({ name: to }))).toBe(code);
  expect(await nameNow()).toBe("Test");
  expect(world.woken).toEqual([]);
});

test("what outgrew a limit is shown all the same: a row that nobody can read helps nobody", async () => {
  const { call } = await callerOf();
  const name = "x".repeat(60);
  expect(await call.rename({ name })).toEqual({ name });
});

test("what takes the network is prepared before the transaction and handed to it", async () => {
  const { call, nameNow } = await callerOf();
  expect(await call.prepare({ name: "New" })).toEqual({ name: "New!" });
  expect(await nameNow()).toBe("New!");
});

test("an answer that its contract forbids is a fault of ours, an input a fault of the client's", async () => {
  const { call } = await callerOf();
  expect(await codeOf(call.show({ name: "x" }))).toBe("internal_error");
  expect(await codeOf(call.show({ name: 7 as never }))).toBe("validation_failed");
});
