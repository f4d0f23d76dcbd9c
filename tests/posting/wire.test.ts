import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { epochMs, seconds } from "../../src/core/time.ts";
import { signatureOf } from "../../src/dispatch/sign.ts";
import { createReceiver } from "../support/receiver.ts";
import { onlyDelivery, replay, verifies } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

/** What a receiver that answers `replies` was sent, and who sent it. */
async function told(...replies: number[]) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(...replies);
  await tenant.endpoint(receiver.url);
  await tenant.hears("Hello");
  await world.deliver();
  return { world, tenant, received: receiver.received };
}

describe("a request", () => {
  test("carries every header of the contract", async () => {
    const { world, tenant, received } = await told(204);
    const { id } = await onlyDelivery(tenant);
    const { headers, body } = received[0]!;
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "Wassla-Webhooks/1",
      "webhook-id": id,
      delivery_id: id,
      "wassla-event": "new_message",
      "wassla-attempt": "1",
      "content-length": String(Buffer.byteLength(body)),
    });
    expect(id).toMatch(/^dlv_/);
    expect(headers["webhook-timestamp"]).toMatch(/^\d{10}$/);
    expect(Math.abs(Number(headers["webhook-timestamp"]) - epochMs(world.now()) / 1000)).toBeLessThan(10);
    expect(headers["webhook-signature"]).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  test("is made again with the same id and body, and a time, number and signature of its own", async () => {
    const { world, tenant, received } = await told(500, 204);
    world.advance(seconds(6));
    await world.deliver();

    const [first, second] = received;
    expect(second!.body).toBe(first!.body);
    for (const name of ["webhook-id", "delivery_id"]) expect(second!.headers[name]).toBe(first!.headers[name]);
    expect([first, second].map((request) => request!.headers["wassla-attempt"])).toEqual(["1", "2"]);
    expect(Number(second!.headers["webhook-timestamp"]) - Number(first!.headers["webhook-timestamp"])).toBeGreaterThanOrEqual(6);
    expect(second!.headers["webhook-signature"]).not.toBe(first!.headers["webhook-signature"]);
    for (const request of received) expect(verifies(tenant.webhook_secret, request)).toBe(true);
  });

  test("is a replay's too", async () => {
    const { world, tenant, received } = await told(204);
    const { id } = await onlyDelivery(tenant);
    await replay(tenant, id);
    await world.deliver();
    expect(received[1]!.headers).toMatchObject({ "webhook-id": id, delivery_id: id, "wassla-attempt": "2" });
    expect(received[1]!.body).toBe(received[0]!.body);
  });

  test("goes without delivery_id to an endpoint whose gateway refuses underscores", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const receiver = await createReceiver(204);
    await tenant.endpoint(receiver.url, { delivery_id_header: false });
    await tenant.hears("Hello");
    await world.deliver();
    const { headers } = receiver.received[0]!;
    expect(headers).not.toHaveProperty("delivery_id");
    expect(headers["webhook-id"]).toMatch(/^dlv_/);
    expect(verifies(tenant.webhook_secret, receiver.received[0]!)).toBe(true);
  });
});

describe("the signature", () => {
  test("is the one of Standard Webhooks' own example", () => {
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    expect(signatureOf([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}')).toBe(
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
  });

  test("is HMAC-SHA256 over id, time and body, under the decoded part of the secret", async () => {
    const { tenant, received } = await told(204);
    const { headers, body } = received[0]!;
    const key = Buffer.from(tenant.webhook_secret.slice("whsec_".length), "base64");
    expect(key).toHaveLength(32);
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  });

  test("is verified by a stock library, which refuses another body, id, time and secret", async () => {
    const { world, tenant, received } = await told(204);
    const request = received[0]!;
    const { webhook_secret: stranger } = await world.tenant();
    const later = String(Number(request.headers["webhook-timestamp"]) + 1);

    expect(verifies(tenant.webhook_secret, request)).toBe(true);
    expect(verifies(stranger, request)).toBe(false);
    expect(verifies(tenant.webhook_secret, { ...request, body: request.body.replace("Hello", "Jello") })).toBe(false);
    expect(verifies(tenant.webhook_secret, { ...request, headers: { ...request.headers, "webhook-id": "dlv_other" } })).toBe(false);
    expect(verifies(tenant.webhook_secret, { ...request, headers: { ...request.headers, "webhook-timestamp": later } })).toBe(false);
  });
});
