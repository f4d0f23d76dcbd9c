import { expect, test } from "vitest";
import { errors } from "../../src/core/errors.ts";
import { codesIn, judgeRefusals } from "../support/refusals.ts";
import { createWorld } from "../support/world.ts";

const answerable = Object.keys(errors).filter((code) => code !== "insufficient_credits");

test("a code that no test is answered is named, and one that was thought to be unanswerable too", () => {
  const judge = (seen: string[], on_server = true) => judgeRefusals(seen, { on_server });
  const without = (code: string) => answerable.filter((other) => other !== code);
  expect(judge(answerable)).toEqual([]);
  expect(judge(without("last_owner"))).toEqual(["no test is answered last_owner"]);
  expect(judge(Object.keys(errors))).toEqual([expect.stringContaining("insufficient_credits")]);
  expect(judge(without("idempotency_in_progress"))).toEqual(["no test is answered idempotency_in_progress"]);
  expect(judge(without("idempotency_in_progress"), false)).toEqual([]);
});

test.each([
  ["REST", "/v1/nothing", ["not_found"]],
  ["the typed client", "/trpc/nothing", ["not_found"]],
  ["a batch of the typed client", "/trpc/nothing,nobody?batch=1", ["not_found", "not_found"]],
  ["the hooks", "/hooks/nothing", ["not_found"]],
  ["cron", "/cron/nothing", ["unauthorized"]],
])("what %s is refused is recognised", async (_, path, codes) => {
  const world = await createWorld();
  const { api_key } = await world.tenant();
  expect(codesIn((await world.request(path, { key: api_key })).body)).toEqual(codes);
});

test("what is no refusal is none", () => {
  for (const body of [null, [], "code", { id: "msg_1", type: "text" }, { errors: [{ code: "too_large" }] }])
    expect(codesIn(body)).toEqual([]);
});
