import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Content } from "../../src/channels/contract.ts";
import { sandbox } from "../../src/channels/providers/sandbox.ts";
import type { Network, Settings } from "../../src/core/context.ts";

const received_at = "2026-11-22T10:15:12.480Z";
const credentials = { token: "a sandbox's token" };
const parse = (body: unknown, at = received_at) => sandbox.parse(new TextEncoder().encode(JSON.stringify(body)), at);
const request = (token: string | undefined) => ({
  url: "https://api.wassla.test/hooks/sandbox/chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
  raw: new Uint8Array(),
  header: (name: string) => (name.toLowerCase() === "x-sandbox-token" ? token : undefined),
});

describe("the hook", () => {
  test("believes who knows the token, and nobody else", () => {
    expect(sandbox.verify(request(credentials.token), credentials)).toBe(true);
    expect(sandbox.verify(request("another"), credentials)).toBe(false);
    expect(sandbox.verify(request(undefined), credentials)).toBe(false);
    expect(sandbox.verify(request(""), { token: "" })).toBe(false);
    expect(sandbox.verify(request("undefined"), {})).toBe(false);
  });

  test("is asked no question", () => {
    expect(sandbox.handshake(new URLSearchParams({ "hub.mode": "subscribe" }), credentials)).toBeUndefined();
  });
});

describe("an inbound text", () => {
  test("is a message of a person with a phone number", () => {
    expect(parse({ from: "+1 (555) 000-1111", name: "Mona", text: "Good morning", id: "in-1", at: "2026-11-22T10:15:00Z" })).toEqual([
      {
        kind: "message",
        dedupe_key: "in-1",
        external_id: "in-1",
        account_id: null,
        occurred_at: "2026-11-22T10:15:00.000Z",
        from: [{ kind: "phone", value: "15550001111" }],
        name: "Mona",
        content: { type: "text", text: "Good morning" },
        raw: expect.objectContaining({ text: "Good morning" }) as unknown,
      },
    ]);
  });

  test("without an id is a message of its own each time it arrives", () => {
    const [first, again, later] = [
      parse({ from: "1555", text: "Hi" }),
      parse({ from: "1555", text: "Hi" }),
      parse({ from: "1555", text: "Hi" }, "2026-11-22T10:15:13.000Z"),
    ];
    expect(first).toEqual(again);
    expect(first[0]?.dedupe_key).not.toBe(later[0]?.dedupe_key);
    expect(first[0]).toMatchObject({ kind: "message", name: null, occurred_at: received_at });
  });

  test.each([
    ["nobody", { text: "Hi" }],
    ["somebody without a number", { from: "Mona", text: "Hi" }],
    ["somebody who says nothing", { from: "+15550001111", text: "" }],
    ["a list", []],
    ["null", null],
  ])("from %s is ignored", (_, body) => {
    expect(parse(body)).toEqual([expect.objectContaining({ kind: "ignored", account_id: null })]);
  });

  test("is never too much", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ from: fc.string(), name: fc.jsonValue(), text: fc.jsonValue(), id: fc.jsonValue(), at: fc.jsonValue() }),
        ),
        (body) => {
          const events = parse(body);
          expect(events).toHaveLength(1);
          const [event] = events;
          if (event?.kind === "message") expect(Content.safeParse(event.content).success).toBe(true);
        },
      ),
    );
  });
});

describe("an outbound message", () => {
  const world = { network: {} as Network, settings: {} as Settings };
  const send = (phone: string | undefined) =>
    sandbox.send(
      {
        message_id: "msg_01m7x0q4w6e8r9t2y3v5n7b1c4",
        channel_id: "chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
        account_id: "sandbox",
        to: phone ? [{ kind: "phone", value: phone }] : [],
        content: { type: "text", text: "Hi" },
        as_human_agent: false,
      },
      credentials,
      world,
    );

  test("arrives at once, under an id of its own", async () => {
    const [one, other] = [await send("15550001111"), await send("15550001111")];
    expect(one).toEqual({ outcome: "sent", status: "delivered", external_id: expect.stringMatching(/^sandbox_[0-9a-f]{32}$/) as unknown });
    expect(one).not.toEqual(other);
  });

  test.each([
    ["15550000001", { outcome: "failed", error: { code: "recipient_unreachable" } }],
    ["15550000002", { outcome: "retry", error: { code: "provider_rate_limited" } }],
    ["15550000003", { outcome: "unknown" }],
    ["15550000004", { outcome: "failed", error: { code: "recipient_opted_out" } }],
    [undefined, { outcome: "failed", error: { code: "recipient_unreachable" } }],
  ])("to %s meets its fate", async (phone, expected) => {
    expect(await send(phone)).toMatchObject(expected);
  });
});
