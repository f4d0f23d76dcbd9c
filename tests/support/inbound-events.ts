import fc from "fast-check";
import { expect } from "vitest";
import { Content, sendErrorCodes } from "../../src/channels/contract.ts";
import type { InboundEvent } from "../../src/channels/providers/provider.ts";

/** What every event promises whoever stores it, whatever came. */
export function expectStorable(events: InboundEvent[]) {
  expect(events.length).toBeGreaterThan(0);
  for (const event of events) {
    expect(event.dedupe_key).toMatch(/^.{1,600}$/s);
    expect(new Date(event.occurred_at).toISOString()).toBe(event.occurred_at);
    const { raw, ...rest } = event;
    expect(typeof JSON.stringify(raw)).toBe("string");
    expect(JSON.stringify(rest)).not.toMatch(/\\u0000|\\ud[89a-f]/);
    if ("content" in event && event.content !== null) expect(Content.safeParse(event.content).error).toBeUndefined();
    if ("external_id" in event) expect(event.external_id).toMatch(/^.{1,310}$/s);
    if (event.kind === "message") expect(event.from).not.toHaveLength(0);
    if (event.kind === "echo") expect(event.to).not.toHaveLength(0);
    if (event.kind === "renaming") expect(event.current).not.toHaveLength(0);
    if (event.kind === "watermark") expect(new Date(event.until).toISOString()).toBe(event.until);
    if (event.kind === "status" && event.error) expect(sendErrorCodes).toContain(event.error.code);
    if (event.kind === "ignored") expect(event.why).toMatch(/^.{1,500}$/su);
  }
}

/** One of the documents, with up to four of its parts replaced by anything, or deleted. */
export function mutated(documents: unknown[]): fc.Arbitrary<unknown> {
  const words = fc.constantFrom(
    "constructor",
    "__proto__",
    "text",
    "image",
    "contacts",
    "\u0000",
    "\ud800",
    "",
    "😀".repeat(5000),
    "x".repeat(9000),
    "9".repeat(30),
  );
  // Undefined deletes the part.
  const anything = fc.oneof(fc.constant(undefined), words, fc.jsonValue({ maxDepth: 2 }));
  return fc
    .tuple(fc.constantFrom(...documents), fc.array(fc.tuple(fc.nat(), anything), { minLength: 1, maxLength: 4 }))
    .map(
      ([document, changes]) => changes.reduce<unknown>((changed, [place, value]) => replacePart(changed, place, value), document) ?? null,
    );
}

function replacePart(document: unknown, place: number, value: unknown): unknown {
  const size = partsOf(document);
  return replaceAt(document, place % size, value);
}

const partsOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Object.values(value).reduce((sum: number, part) => sum + partsOf(part), 0) : 1;

function replaceAt(value: unknown, place: number, by: unknown): unknown {
  if (place === 0 || typeof value !== "object" || value === null) return by;
  let left = place - 1;
  const replaced = Object.entries(value).map(([key, part]) => {
    const size = partsOf(part);
    const hit = left >= 0 && left < size;
    const result: [string, unknown] = [key, hit ? replaceAt(part, left, by) : part];
    left -= size;
    return result;
  });
  return Array.isArray(value) ? replaced.map(([, part]) => part) : Object.fromEntries(replaced);
}
