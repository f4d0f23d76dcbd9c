import { createHmac } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { createChannel } from "../../src/channels/create-channel.ts";
import { seconds } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { createReceiver } from "../support/receiver.ts";
import { createWorld } from "../support/world.ts";

const app_secret = "the app's secret";
const signed = (body: string) => ({ "X-Hub-Signature-256": `sha256=${createHmac("sha256", app_secret).update(body).digest("hex")}` });

const callback = (at: number) =>
  JSON.stringify({
    object: "whatsapp_business_account",
    entry: [
      {
        id: "100200300",
        changes: [
          {
            field: "messages",
            value: {
              messaging_product: "whatsapp",
              metadata: { display_phone_number: "15550100200", phone_number_id: "900800700" },
              contacts: [{ profile: { name: "Sara Haddad" }, wa_id: "15550101001" }],
              messages: [{ from: "15550101001", id: `wamid.${at}`, timestamp: String(Math.floor(at / 1000)), type: "text", text: { body: "مرحبا، أين طلبي؟" } }],
            },
          },
        ],
      },
    ],
  });

test("a WhatsApp message becomes a conversation, an event, and a webhook that is retried until it arrives", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, {
      channel: "whatsapp",
      provider: "whatsapp",
      name: "WhatsApp",
      account_id: "900800700",
      credentials: { app_secret, verify_token: "v", access_token: "t" },
    }),
  );
  const receiver = await createReceiver(500, 503, 204);
  await tenant.endpoint(receiver.url, { event_types: ["new_message"] });

  const body = callback(Date.parse(world.now()));
  const posted = await world.request(`/hooks/meta/${channel_id}`, { method: "POST", body, headers: signed(body) });
  expect(posted.status).toBe(200);

  const { body: list } = await tenant.get<{ data: { id: string; last_message_preview: string }[] }>("/v1/conversations");
  expect(list.data).toHaveLength(1);
  expect(list.data[0]!.last_message_preview).toBe("مرحبا، أين طلبي؟");

  await world.deliver();
  world.advance(seconds(6));
  await world.deliver();
  world.advance(seconds(34));
  await world.deliver();

  expect(receiver.received).toHaveLength(3);
  const [first, second, third] = receiver.received.map(({ headers }) => headers);
  expect(second!["webhook-id"]).toBe(first!["webhook-id"]);
  expect(third!["webhook-id"]).toBe(first!["webhook-id"]);
  expect(Number(third!["webhook-timestamp"])).toBeGreaterThan(Number(second!["webhook-timestamp"]));
  expect(Number(second!["webhook-timestamp"])).toBeGreaterThan(Number(first!["webhook-timestamp"]));

  const webhook = new Webhook(tenant.webhook_secret);
  for (const { body: raw, headers } of receiver.received) {
    const event = webhook.verify(raw, headers as Record<string, string>) as { type: string; data: { message: { content: { text: string } } } };
    expect(event.type).toBe("new_message");
    expect(event.data.message.content.text).toBe("مرحبا، أين طلبي؟");
  }

  const { body: log } = await tenant.get<{ data: { id: string; status: string; attempts: number }[] }>("/v1/webhook_deliveries");
  expect(log.data).toMatchObject([{ id: first!["webhook-id"], status: "succeeded", attempts: 3 }]);
  const { body: attempts } = await tenant.get<{ data: { number: number; status_code: number }[] }>(`/v1/webhook_deliveries/${log.data[0]!.id}/attempts`);
  expect(attempts.data.map(({ number, status_code }) => [number, status_code])).toEqual([
    [1, 500],
    [2, 503],
    [3, 204],
  ]);
});
