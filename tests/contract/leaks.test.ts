import { expect, test } from "vitest";
import { mintToken } from "../../src/api-keys/token.ts";
import { webhook_secrets } from "../../src/webhooks/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { createWhatsApp, credentials } from "../support/channels.ts";
import { database } from "../support/database.ts";
import { judgedLines, keptLog, neverTell, takeLeaks } from "../support/leaks.ts";
import { createWorld } from "../support/world.ts";

test.each([
  ["a key in a path", () => keptLog.info({ path: `/v1/me?token=${mintToken()}` }, "request")],
  ["a key in a message", () => keptLog.info({}, mintToken())],
  [
    "a secret of webhooks in an error",
    () => keptLog.error({ err: new Error("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is no good") }, "failed"),
  ],
  ["what somebody wrote", () => keptLog.warn({ preview: "A secret\n“word”" }, "told")],
  [
    "a credential under a name that nobody thought of",
    () => keptLog.warn({ deep: { deeper: { bearer: credentials.app_secret } } }, "told"),
  ],
])("%s in a line is a leak", (_, tell) => {
  neverTell("A secret\n“word”", ...Object.values(credentials));
  tell();
  expect(takeLeaks()).toHaveLength(1);
});

test("what the log hides by itself is none, and neither is what a test before this one said", () => {
  neverTell(credentials.access_token);
  keptLog.info({ authorization: `Bearer ${mintToken()}`, channel: { access_token: credentials.access_token } }, "told");
  expect(takeLeaks()).toEqual([]);
  keptLog.info({ word: credentials.access_token }, "told");
  expect(takeLeaks()).toEqual([]);
});

test("what the service writes of requests, callbacks, sends and deliveries is judged", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const whatsapp = await createWhatsApp(world, tenant);
  takeLeaks();
  const before = judgedLines();
  await whatsapp.hears("Where is my order A-1007?");
  await tenant.hears("Is anybody there?");
  await world.sendQueued();
  await world.deliver();
  expect(takeLeaks()).toEqual([]);
  expect(judgedLines() - before).toBeGreaterThanOrEqual(6);
});

test("a change that fails is told with its request and without its words", async () => {
  const { db, breakNext } = breakable((await database()).db);
  const world = await createWorld({ db });
  const tenant = await world.tenant();
  breakNext("insert", webhook_secrets);
  const { body } = await tenant.post("/v1/webhook_secret/rotate");
  expect(world.logged).toMatchObject([{ level: "error", fields: { request_id: body["request_id"] } }]);
});
