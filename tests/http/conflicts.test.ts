import { expect, onTestFinished, test } from "vitest";
import { watching } from "../support/breakable-db.ts";
import { database, onPostgres, openDatabase } from "../support/database.ts";
import { createWorld } from "../support/world.ts";

/** A world whose database undoes what it is told to, as it does with one of two transactions that wait for each other. */
async function setUp() {
  const faults: { head: string; code: string; times: number }[] = [];
  const db = watching((await database()).db, (statement) => {
    const fault = faults.find(({ head, times }) => times > 0 && statement.includes(head));
    if (!fault) return;
    fault.times -= 1;
    throw Object.assign(new Error("Failed query"), { cause: Object.assign(new Error("deadlock detected"), { code: fault.code }) });
  });
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  const { id } = await tenant.hears("Hello");
  const conflict = (head: string, times: number, code = "40P01") => void faults.splice(0, faults.length, { head, code, times });
  return { world, tenant, id, conflict };
}

const last = 'insert into "idempotent_answers"';
const text = { content: { type: "text", text: "Good day" } };

test.each(["40P01", "40001"])("a change that the database undoes with %s is made all the same, once", async (code) => {
  const { world, tenant, id, conflict } = await setUp();
  await tenant.endpoint("http://127.0.0.1:9/hook");
  world.woken.splice(0);
  conflict(last, 2, code);
  const headers = { "Idempotency-Key": "once" };
  const sent = await tenant.post<{ id: string }>(`/v1/conversations/${id}/messages`, text, { headers });
  expect(sent.status).toBe(201);
  expect(sent.headers.get("idempotent-replayed")).toBeNull();
  expect(
    world.woken.filter((whom) => whom === "messages"),
    "the attempts that were undone woke nobody",
  ).toHaveLength(1);
  conflict(last, 0);
  const again = await tenant.post(`/v1/conversations/${id}/messages`, text, { headers });
  expect([again.status, again.body, again.headers.get("idempotent-replayed")]).toEqual([201, sent.body, "true"]);
  const { body } = await tenant.get<{ data: { id: string; direction: string }[] }>(`/v1/conversations/${id}/messages`);
  expect(body.data.filter(({ direction }) => direction === "outbound").map((message) => message.id)).toEqual([sent.body.id]);
  const deliveries = await tenant.get<{ data: { event_type: string }[] }>("/v1/webhook_deliveries");
  expect(deliveries.body.data.map(({ event_type }) => event_type)).toEqual(["new_message"]);
  expect(world.logged).toEqual([]);
});

test("what is undone again and again is sent away, told when to come back, and has changed nothing", async () => {
  const { tenant, id, conflict } = await setUp();
  conflict(last, 100);
  const headers = { "Idempotency-Key": "never" };
  const refused = await tenant.post(`/v1/conversations/${id}/messages`, text, { headers });
  expect(refused).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
  expect(refused.headers.get("retry-after")).toBe("1");
  conflict(last, 0);
  const { body } = await tenant.get<{ data: { direction: string }[] }>(`/v1/conversations/${id}/messages`);
  expect(body.data.map(({ direction }) => direction)).toEqual(["inbound"]);
  expect((await tenant.post(`/v1/conversations/${id}/messages`, text, { headers })).status).toBe(201);
});

test.runIf(onPostgres())("two changes that wait for each other are both answered, and neither with a fault of ours", async () => {
  const connection = await openDatabase();
  onTestFinished(() => connection.close());
  const { db } = connection;
  const tenant = await (await createWorld({ db })).tenant();
  const make = async (external_id: string) => (await tenant.post<{ id: string }>("/v1/contacts", { external_id })).body.id;
  const [a, b] = [await make("a"), await make("b")];
  // Each has its own and waits for the other's.
  const answers = await Promise.all([
    tenant.patch(`/v1/contacts/${a}`, { external_id: "b" }),
    tenant.patch(`/v1/contacts/${b}`, { external_id: "a" }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([409, 409]);
});
