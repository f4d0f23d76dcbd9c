import { afterEach, expect } from "vitest";
import { takeTrespasses } from "./fence.ts";
import { takeLeaks } from "./leaks.ts";

/** Whatever a test is about: the service kept every statement inside its tenant, and every secret out of its log. */
afterEach(() => {
  expect(takeTrespasses(), "statements that leave the tenant fence").toEqual([]);
  expect(takeLeaks(), "lines of the log that tell a secret, or what somebody wrote").toEqual([]);
});
