import { expect, test } from "vitest";
import { after, hours } from "../../src/core/time.ts";
import { webhook_endpoint_hours } from "../../src/webhooks/tables.ts";
import { createReceiver } from "../support/receiver.ts";
import { leaveDeliveries } from "../support/webhooks.ts";
import { createWorld } from "../support/world.ts";

const nothing = { attempts: 0, succeeded: 0, failed: 0, success_rate: null };

test("an endpoint that was never called has no rate", async () => {
  const tenant = await (await createWorld()).tenant();
  const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
  const { body } = await tenant.get(`/v1/webhook_endpoints/${id}/stats`);
  expect(body).toEqual({ object: "webhook_endpoint_stats", endpoint_id: id, last_24_hours: nothing, last_7_days: nothing });
});

test("every attempt counts once, whatever came of it, for its own endpoint", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const receiver = await createReceiver(204, 500, 204);
  const [one, other] = [await tenant.endpoint(receiver.url), await tenant.endpoint("http://127.0.0.1:9/hook")];
  await leaveDeliveries(tenant.ctx, one.id, 3);
  await leaveDeliveries(tenant.ctx, other.id, 1);
  await world.deliver();
  const stats = async (id: string) => (await tenant.get(`/v1/webhook_endpoints/${id}/stats`)).body;
  const score = { attempts: 3, succeeded: 2, failed: 1, success_rate: 0.6667 };
  expect(await stats(one.id)).toMatchObject({ last_24_hours: score, last_7_days: score });
  expect(await stats(other.id)).toMatchObject({ last_24_hours: { attempts: 1, failed: 1, success_rate: 0 } });

  world.advance(hours(25));
  expect(await stats(one.id)).toMatchObject({ last_24_hours: nothing, last_7_days: score });
  world.advance(hours(7 * 24));
  expect(await stats(one.id)).toMatchObject({ last_24_hours: nothing, last_7_days: nothing });
});

test("the hours that are added up are this one and those before it, to the number", async () => {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id } = await tenant.endpoint("http://127.0.0.1:9/hook");
  const this_hour = `${world.now().slice(0, 13)}:00:00.000Z`;
  const ago = (count: number) => ({
    workspace_id: tenant.workspace_id,
    endpoint_id: id,
    hour: after(this_hour, -hours(count)),
    succeeded: 1,
    failed: 0,
  });
  await tenant.ctx.db.insert(webhook_endpoint_hours).values([0, 23, 24, 167, 168].map(ago));
  const { body } = await tenant.get(`/v1/webhook_endpoints/${id}/stats`);
  expect(body).toMatchObject({ last_24_hours: { attempts: 2 }, last_7_days: { attempts: 4 } });
});
