import { expect, test } from "vitest";
import { goneDatabase } from "../support/gone-db.ts";
import { createWorld } from "../support/world.ts";

test("a process that lives and can work says so, to anybody", async () => {
  const world = await createWorld();
  for (const path of ["/healthz", "/readyz"]) expect(await world.request(path)).toMatchObject({ status: 200, body: { status: "ok" } });
});

test("a process whose database is gone lives, and is not ready", async () => {
  const world = await createWorld({ db: goneDatabase() });
  expect(await world.request("/healthz")).toMatchObject({ status: 200, body: { status: "ok" } });
  const { status, body } = await world.request("/readyz");
  expect({ status, body }).toEqual({ status: 503, body: { status: "unavailable" } });
  expect(world.logged, "what asks every second would fill the log").toEqual([]);
});
