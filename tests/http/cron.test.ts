import { expect, test } from "vitest";
import { chores, type ChoreName } from "../../src/chores.ts";
import { watching } from "../support/breakable-db.ts";
import { database } from "../support/database.ts";
import { goneDatabase } from "../support/gone-db.ts";
import { createWorld, cron_secret } from "../support/world.ts";

const authorized = { Authorization: `Bearer ${cron_secret}` };

test.each([
  ["no header", {}],
  ["another secret", { Authorization: "Bearer another cron secret of at least 32 characters" }],
  ["a part of the secret", { Authorization: `Bearer ${cron_secret.slice(0, -1)}` }],
  ["the secret and more", { Authorization: `Bearer ${cron_secret} ` + "x" }],
  ["the bare secret", { Authorization: cron_secret }],
  ["another scheme", { Authorization: `Basic ${cron_secret}` }],
  ["an empty secret", { Authorization: "Bearer " }],
])("%s starts no job and learns no job's name", async (_, headers) => {
  const world = await createWorld();
  const reason = "Authorization" in headers ? "unknown_token" : "missing_token";
  for (const path of ["/cron/messages", "/cron/nothing"]) {
    const answer = await world.request(path, { method: "POST", headers });
    expect(answer).toMatchObject({ status: 401, body: { code: "unauthorized", instance: "/cron/{chore}", reason } });
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
  }
});

test("an API key is no cron secret, and the cron secret is no API key", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  expect((await tenant.post("/cron/messages")).status).toBe(401);
  expect((await world.request("/v1/me", { headers: authorized })).status).toBe(401);
});

test.each(Object.keys(chores) as ChoreName[])(
  "the job %s runs by POST and by GET, and says what it did and how long it took",
  async (job) => {
    const world = await createWorld();
    for (const method of ["POST", "GET"]) {
      const { status, body } = await world.request<Record<string, number>>(`/cron/${job}`, { method, headers: authorized });
      expect(status).toBe(200);
      expect(Number.isInteger(body["duration_ms"])).toBe(true);
      expect(Object.keys(body).length, "beside the duration, what was done").toBeGreaterThan(1);
    }
  },
);

test.each(["nothing", "constructor", "__proto__", "toString", "%zz", ""])("there is no job %j", async (job) => {
  const world = await createWorld();
  expect(await world.request(`/cron/${job}`, { method: "POST", headers: authorized })).toMatchObject({
    status: 404,
    body: { code: "not_found" },
  });
});

test("who asks for a job that is none is told which there are", async () => {
  const world = await createWorld();
  const { body } = await world.request("/cron/webhook", { method: "POST", headers: authorized });
  expect(body["detail"]).toBe("There is no such chore. There are: messages, webhooks, templates, inactivity, jobs, sweep.");
});

test("a job whose database is gone is a 500 that says nothing, logged once", async () => {
  const world = await createWorld({ db: goneDatabase() });
  const answer = await world.request("/cron/sweep", { method: "POST", headers: authorized });
  expect(answer).toMatchObject({ status: 500, body: { code: "internal_error", detail: "The fault is ours." } });
  expect(JSON.stringify(answer.body)).not.toMatch(/vault|db\.internal/);
  expect(world.logged).toHaveLength(1);
});

test("a sweep of which one part fails does the others, and tells of the failure at the end", async () => {
  const { db } = await database();
  let is_broken = true;
  const swept: string[] = [];
  const world = await createWorld({
    db: watching(db, (text) => {
      swept.push(...["rate_limit_windows", "idempotent_answers", "sessions", "usage_marks"].filter((table) => text.includes(`"${table}"`)));
      if (is_broken && /delete from "(rate_limit_windows|idempotent_answers)"/.test(text))
        throw new Error(`the test broke this statement: ${text.slice(0, 40)}`);
    }),
  });
  const sweep = () => world.request("/cron/sweep", { method: "POST", headers: authorized });
  expect(await sweep()).toMatchObject({ status: 500, body: { code: "internal_error" } });
  expect(swept).toContain("sessions");
  expect(world.logged.map(({ message }) => message)).toEqual(["a part of a chore failed", "request failed"]);
  is_broken = false;
  expect((await sweep()).status).toBe(200);
});

test("a sweep that is told to stop begins nothing more", async () => {
  const { services } = await createWorld();
  expect(await chores.sweep(services, { budget_ms: 1000, signal: AbortSignal.abort() })).toEqual({});
});
