import { afterEach, expect } from "vitest";
import { takeTrespasses } from "./fence.ts";

/** Whatever a test is about: the service kept every statement inside its tenant. */
afterEach(() => {
  expect(takeTrespasses(), "statements that leave the tenant fence").toEqual([]);
});
