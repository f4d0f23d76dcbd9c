import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { after, earliest, epochMs, hours, latest, minutes, msBetween, seconds, secondsBetween, timestamp } from "../../src/core/time.ts";
import { rfc3339 } from "../../src/db/columns.ts";

const instants = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }).map(timestamp);

describe("an instant", () => {
  test("is RFC 3339 in UTC with milliseconds, always", () => {
    expect(timestamp(0)).toBe("1970-01-01T00:00:00.000Z");
    expect(after("2026-02-28T23:59:59.999Z", 1)).toBe("2026-03-01T00:00:00.000Z");
    fc.assert(fc.property(instants, (at) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at)));
  });

  test("sorts as text in order of time", () => {
    fc.assert(fc.property(instants, instants, (a, b) => a < b === epochMs(a) < epochMs(b)));
    fc.assert(fc.property(instants, instants, (a, b) => earliest(a, b) <= latest(a, b) && [a, b].includes(earliest(a, b))));
  });

  test("is as far from another as was added", () => {
    fc.assert(fc.property(instants, fc.integer({ min: 0, max: hours(48) }), (at, ms) => msBetween(at, after(at, ms)) === ms));
    expect([seconds(1), minutes(1), hours(1)]).toEqual([1000, 60_000, 3_600_000]);
  });

  test.each([
    [0, 0],
    [499, 0],
    [500, 1],
    [1499, 1],
    [61_000, 61],
  ])("%i ms after another is told as %i s", (ms, told) => {
    expect(secondsBetween("2026-11-22T10:15:12.480Z", after("2026-11-22T10:15:12.480Z", ms))).toBe(told);
  });
});

describe("PostgreSQL's text of an instant", () => {
  test.each([
    ["2026-11-22 10:15:12+00", "2026-11-22T10:15:12.000Z"],
    ["2026-11-22 10:15:12.4+00", "2026-11-22T10:15:12.400Z"],
    ["2026-11-22 10:15:12.48+00", "2026-11-22T10:15:12.480Z"],
    ["2026-11-22 10:15:12.485+00", "2026-11-22T10:15:12.485Z"],
    ["2026-11-22 10:15:12.005+00", "2026-11-22T10:15:12.005Z"],
    ["1970-01-01 00:00:00+00", "1970-01-01T00:00:00.000Z"],
    ["9999-12-31 23:59:59.999+00", "9999-12-31T23:59:59.999Z"],
  ])("%s is %s", (text, expected) => {
    expect(rfc3339(text)).toBe(expected);
  });
});
