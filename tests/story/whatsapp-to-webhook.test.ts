import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { expect, onTestFinished, test } from "vitest";
import { recordedTest, recording } from "../support/payloads.ts";
import { patience_ms, start } from "../support/processes.ts";
import { createWorld, cron_secret } from "../support/world.ts";
import { tellStory } from "./tell-story.ts";

const promise = "a WhatsApp message becomes a conversation, an event, and a webhook that is retried until it arrives";

test(promise, () => happens(readFileSync(new URL("../fixtures/whatsapp-text.json", import.meta.url), "utf8")));

recordedTest(`${promise}, told by a recorded payload`, () =>
  happens(Buffer.from(recording("whatsapp/inbound", "pywa-message-text")).toString("utf8")),
);

test("told from a shell it has a database of its own, whatever DATABASE_URL says", { timeout: patience_ms }, async () => {
  const secret = "x".repeat(32);
  const elsewhere = { DATABASE_URL: "postgres://127.0.0.1:1/production", MASTER_KEY: secret, CRON_SECRET: secret };
  const { code, stdout, stderr } = await start("tests/story/demo-loop.ts", [], elsewhere).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("The log: succeeded after 500, 503, 204.");
});

async function happens(payload: string): Promise<void> {
  const world = await createWorld();
  const server = serve({ fetch: world.app.fetch, port: 0, hostname: "127.0.0.1" });
  onTestFinished(() => void server.close());
  await new Promise((ready) => server.once("listening", ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const { conversations, deliveries, attempts, received } = await tellStory(
    { url, services: world.services, cron_secret, advance: world.advance, say: () => {} },
    payload,
  );

  expect(conversations).toHaveLength(1);
  expect(deliveries).toMatchObject([{ status: "succeeded", attempts: 3 }]);
  expect(attempts.map(({ number, status_code }) => [number, status_code])).toEqual([
    [1, 500],
    [2, 503],
    [3, 204],
  ]);
  expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(received.map(({ body }) => body)).toEqual(Array(3).fill(received[0]!.body));
  const times = received.map(({ headers }) => Number(headers["webhook-timestamp"]));
  expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(5);
  expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(30);
}
