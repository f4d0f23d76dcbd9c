import { expect, test } from "vitest";
import { Bell } from "../../src/core/bell.ts";

const long_ms = 60_000;

test("whoever waits hears it at once", async () => {
  const bell = new Bell();
  const heard = bell.heard(long_ms);
  bell.ring();
  await heard;
});

test("what rang while nobody waited is heard by the next, once", async () => {
  const bell = new Bell();
  bell.ring();
  bell.ring();
  await bell.heard(long_ms);
  const started_ms = performance.now();
  await bell.heard(20);
  expect(performance.now() - started_ms).toBeGreaterThan(15);
});

test("nobody waits longer than they said, and a wait that is over takes no later ring with it", async () => {
  const bell = new Bell();
  await bell.heard(1);
  bell.ring();
  await bell.heard(long_ms);
});
